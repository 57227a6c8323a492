import type { Command } from 'commander'
import { reasonOf } from '../errors.js'
import type { NodeClientOptions } from '../adapters/ftpcluster/node-client.js'
import { formatNode } from '../adapters/ftpcluster/node.js'
import { balanceUsedSpace, type Placement, roundRobin } from '../adapters/ftpcluster/placement.js'
import type { ProcessEvent } from '../adapters/ftpcluster/process-events.js'
import { processCluster } from '../adapters/ftpcluster/processor.js'
import type { Processor } from '../adapters/ftpcluster/queue-file-name.js'
import { readWhole } from '../posix/private-file.js'
import { catchSignals } from '../work/signals.js'
import { type CliCommand, type Call, defineCommand } from './command.js'
import { type ClusterFlags, clusterFlags } from './commands/ftpcluster/cluster-flags.js'
import { durabilityFlag, type DurabilityFlags } from './durability-flag.js'
import { reportImport } from './import-report.js'
import { reportJob } from './job-report.js'
import { UsageError } from './usage-error.js'
import { interval, oneOf, positive } from './values.js'

interface Flags extends ClusterFlags, DurabilityFlags {
  readonly copies?: number
  readonly placement?: keyof typeof placements
  readonly jobs?: number
  readonly timeout?: number
  readonly tls?: true
  readonly ca?: string
  readonly import?: true
  readonly follow?: true
  readonly sweep?: number
}

const placements = {
  balance: () => balanceUsedSpace,
  'round-robin': roundRobin,
} as const satisfies Record<string, () => Placement>

/** The command that does jobs of these types: `store`, `replicate`, `remove`, or all. */
export function processorCommand(types: readonly Processor[]): CliCommand<Flags> {
  return defineCommand<Flags>({
    operands: 'home',
    atLeast: 1,
    atMost: 1,
    flagsAnywhere: true,
    flags: (command) => durabilityFlag(clusterFlags(nodeFlags(placementFlags(command, types)))),
    run: (call) => run(call, types),
  })
}

function placementFlags(command: Command, types: readonly Processor[]): Command {
  if (types.includes('store'))
    command.option(
      '--copies <n>',
      'store a file on n nodes where its job names none (default: 1)',
      positive,
    )
  if (types.some((type) => type !== 'remove'))
    command.option(
      '--placement <how>',
      'on those with the least (balance, the default), or round-robin',
      oneOf(['balance', 'round-robin']),
    )
  return command
}

function nodeFlags(command: Command): Command {
  return command
    .option('-j, --jobs <n>', 'do n jobs at a time on each node (default: 2)', positive)
    .option('--import', 'import first, and with --follow whenever .queue changes')
    .option('--follow', 'go on with jobs as they arrive')
    .option('--sweep <duration>', 'with --follow: look at least so often (default: 30s)', interval)
    .option('--timeout <duration>', 'how long a node may be silent (default: 30s)', interval)
    .option('--tls', 'encrypt all connections to nodes, by AUTH TLS')
    .option('--ca <file>', 'with --tls: the certificates, in PEM, of authorities to trust')
}

async function run(call: Call<Flags>, types: readonly Processor[]): Promise<number> {
  const { flags, operands } = call
  const [home = ''] = operands
  if (flags.sweep !== undefined && flags.follow !== true)
    throw new UsageError('--sweep is for --follow')
  if (flags.ca !== undefined && flags.tls !== true) throw new UsageError('--ca is for --tls')
  const root = call.root({ durability: flags.durability })
  const { copies, placement, sweep, name } = flags
  using signals = catchSignals()
  signals.again.addEventListener('abort', signals.die)
  const seen = new Set<ProcessEvent['type']>()
  const result = await processCluster(root, home, {
    types,
    ...(copies !== undefined && { copies }),
    ...(placement !== undefined && { placement: placements[placement]() }),
    ...(sweep !== undefined && { sweep }),
    ...(name !== undefined && { name }),
    ...nodeOptions(flags),
    import: flags.import === true,
    follow: flags.follow === true,
    signal: signals.signal,
    onEvent: (event) => {
      seen.add(event.type)
      report(event, call)
    },
  })
  const { done, dropped, failed, retried, waiting } = result
  call.chirp(
    `${done} done, ${dropped} dropped, ${failed} failed, ${retried} tried again later, ${waiting} wait`,
  )
  if (flags.follow === true) return 0 // Somebody asked for its end; what waits, waits for the next.
  if (signals.caught !== undefined) signals.die()
  return seen.has('locked') || failed + waiting > 0 ? root.settings.failTmp : 0
}

function nodeOptions({ tls, ca, timeout, jobs }: Flags): NodeClientOptions {
  return {
    tls: tls === true ? 'explicit' : 'never',
    ...(ca !== undefined && { ca: readAuthorities(ca) }),
    ...(timeout !== undefined && { timeout }),
    ...(jobs !== undefined && { connections: jobs }),
  }
}

function readAuthorities(path: string): string {
  try {
    return readWhole(path).toString()
  } catch (cause) {
    throw new UsageError(`cannot read the certificates in ${path}: ${reasonOf(cause)}`)
  }
}

function report(event: ProcessEvent, { say, chirp }: Call<Flags>): void {
  switch (event.type) {
    case 'done':
      chirp(`${fileOf(event)}: ${event.job.type} done on ${formatNode(event.node)}`)
      break
    case 'dispatched':
      chirp(`${fileOf(event)}: ${event.job.type} for ${event.nodes.map(formatNode).join(', ')}`)
      break
    case 'dropped':
      say(`${fileOf(event)}: ${event.job.type} dropped: ${event.why}`)
      break
    case 'retried':
      say(`${fileOf(event)}: ${event.job.type} is tried again later: ${event.error.message}`)
      break
    case 'failed':
      say(`${fileOf(event)}: ${event.job.type} failed: ${event.why}`)
      break
    case 'away':
      say(`${formatNode(event.node)} is left alone for now: ${event.error.message}`)
      break
    case 'full':
      say(`${formatNode(event.node)} is full: ${event.error.message}`)
      break
    case 'down':
      say(`${event.queue} is down; its jobs wait`)
      break
    case 'locked':
      say(event.error.message)
      break
    case 'imported':
    case 'left':
    case 'lock':
      reportImport(event, { say, chirp })
      break
    default:
      reportJob(event, { say, chirp })
  }
}

/** The file that a job is about. */
function fileOf({ job, id }: Extract<ProcessEvent, { readonly job: object }>): string {
  switch (job.type) {
    case 'upload':
    case 'store':
      return job.filename
    case 'replicate':
      return job.linkfile
    case 'remove':
      return job.linkfile ?? job.nodepath
    case 'opaque':
      return id
  }
}
