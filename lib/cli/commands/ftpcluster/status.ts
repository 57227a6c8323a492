import ms from 'ms'
import { formatNode } from '../../../adapters/ftpcluster/node.js'
import {
  type ClusterStatus,
  clusterStatus,
  type NodeStatus,
} from '../../../adapters/ftpcluster/status.js'
import { tableLines } from '../../columns.js'
import { defineCommand } from '../../command.js'
import { jsonLine, print, printLines } from '../../output.js'
import { type TimeFormat, withTimes } from '../../times.js'
import { type ClusterFlags, clusterFlags } from './cluster-flags.js'

interface Flags extends ClusterFlags, TimeFormat {
  readonly json?: true
}

const columns = [
  { heading: 'NODE' },
  { heading: 'STATE' },
  { heading: 'FILES', right: true },
  { heading: 'USED', right: true },
  { heading: 'STORE', right: true },
  { heading: 'REPLICATE', right: true },
  { heading: 'REMOVE', right: true },
  { heading: 'OLDEST', right: true },
  { heading: 'FAILED', right: true },
]

export default defineCommand<Flags>({
  operands: 'home',
  atLeast: 1,
  atMost: 1,
  flagsAnywhere: true,
  flags: (command) =>
    clusterFlags(
      command.option('--json', 'one JSON object').option('--utc', 'times in UTC, with --json'),
    ),
  async run({ operands: [home = ''], flags, root, say }) {
    const status = await clusterStatus(root(), home, {
      ...(flags.name !== undefined && { name: flags.name }),
      onSkipped: (skipped) => {
        const what = 'file' in skipped ? skipped.file : `${skipped.queue}: ${skipped.id}`
        say(`${what}: left out: ${skipped.reason}`)
      },
    })
    if (flags.json === true) await print(jsonLine(jsonOf(status, flags)))
    else await printLines(linesOf(status))
    return 0
  },
})

function jsonOf({ copies, nodes, ...others }: ClusterStatus, format: TimeFormat): object {
  return {
    ...withTimes(others, format),
    copies: Object.fromEntries(copies),
    nodes: nodes.map(({ node, ...rest }) => ({
      node: formatNode(node),
      ...withTimes(rest, format),
    })),
  }
}

function* linesOf(status: ClusterStatus): Generator<string> {
  const { name, home, copies, jobs, undispatched, failed, inFiles, oldest } = status
  yield `cluster ${name} in ${home}`
  const files = [...copies].map(
    ([number, count]) => `${count} with ${number} ${copyOrCopies(number)}`,
  )
  yield `files: ${files.length === 0 ? 'none' : files.join(', ')}`
  const waiting = Object.entries(jobs).filter(([, count]) => count > 0)
  const total = waiting.reduce((sum, [, count]) => sum + count, 0)
  const kinds = waiting.map(([type, count]) => `${count} ${type}`).join(', ')
  const age = oldest === undefined ? '' : `; the oldest waits ${ageOf(oldest)}`
  yield total === 0
    ? 'jobs: none'
    : `jobs: ${kinds}; ${undispatched} of ${total} without nodes yet${age}`
  if (failed > 0)
    yield `failed for good: ${failed}, in fail/ of the queues ftpc-TYPE and ftpc-TYPE/HOST:PORT`
  if (inFiles > 0) yield `in .queue: ${inFiles} more, for "fsq ftpcluster import"`
  yield ''
  yield* tableLines(columns, () => status.nodes.map(row))
}

function copyOrCopies(number: number): string {
  return number === 1 ? 'copy' : 'copies'
}

function row({ node, state, files, used, jobs, oldest, failed }: NodeStatus): string[] {
  return [
    formatNode(node),
    state,
    String(files),
    String(used),
    String(jobs.upload + jobs.store),
    String(jobs.replicate),
    String(jobs.remove),
    oldest === undefined ? '-' : ageOf(oldest),
    String(failed),
  ]
}

function ageOf(date: Date): string {
  return ms(Math.max(0, Date.now() - date.getTime()))
}
