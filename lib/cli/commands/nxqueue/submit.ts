import { InvalidArgumentError } from 'commander'
import { type JobKind, jobKinds, submitJob } from '../../../adapters/nxqueue/index.js'
import { defineCommand } from '../../command.js'
import { byteSize, type ClusterFlags, clusterFlags, withCluster } from '../../nxqueue-flags.js'
import { jsonLine, print } from '../../output.js'
import { count, oneOf } from '../../values.js'

interface Flags extends ClusterFlags {
  readonly id?: string
  readonly priority?: number
  readonly group?: string
  readonly volume?: string
  readonly media?: string
  readonly bytes?: number
  readonly server?: string
  readonly after?: readonly string[]
  readonly details?: unknown
  readonly json?: true
}

const kindOf = oneOf<JobKind>(jobKinds)

export default defineCommand<Flags>({
  operands: 'kind',
  atLeast: 1,
  atMost: 1,
  flagsAnywhere: true,
  flags: (command) =>
    clusterFlags(command)
      .option('--id <jobID>', 'tells it from all other jobs (default: a new one)')
      .option('-p, --priority <n>', 'the higher, the sooner: 0 to 9 (default: 5)', count)
      .option('-g, --group <name>', 'any volume of this group')
      .option('-V, --volume <name>', 'this volume')
      .option('-m, --media <type>', 'this type of drive, as LTO-6; or disk')
      .option('-b, --bytes <size>', 'how much it writes, as 512, 64K or 2.5TB', byteSize)
      .option('-s, --server <name>', 'on this server')
      .option('-a, --after <jobID>', 'when this job is completed; may be repeated', list)
      .option('-d, --details <json>', 'what is for the program alone', json)
      .option('--json', 'print a JSON object, not only the jobID'),
  async run(call) {
    const { id: jobID, priority, group, volume, media, bytes, server, after, details } = call.flags
    const kind = kindOf(call.operands[0] ?? '')
    const submitted = await withCluster(call, (cluster) =>
      submitJob(cluster, {
        ...{ kind, jobID, priority, group, volume, media, bytes, server, after, details },
      }),
    )
    await print(call.flags.json === true ? jsonLine(submitted) : `${submitted.jobID}\n`)
    return 0
  },
})

function list(given: string, before: readonly string[] = []): string[] {
  return [...before, given]
}

function json(given: string): unknown {
  try {
    return JSON.parse(given)
  } catch {
    throw new InvalidArgumentError(`Expected JSON, got "${given}"`)
  }
}
