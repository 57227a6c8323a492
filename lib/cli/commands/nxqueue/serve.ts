import { hostname } from 'node:os'
import { type JobKind, jobKinds, serveCluster } from '../../../adapters/nxqueue/index.js'
import type { Backoff } from '../../../work/backoff.js'
import { catchSignals } from '../../../work/signals.js'
import { defineCommand } from '../../command.js'
import { type ClusterFlags, clusterFlags, clusterOf } from '../../nxqueue-flags.js'
import { serviceReport } from '../../nxqueue-report.js'
import { UsageError } from '../../usage-error.js'
import { backoff, count, duration, host, interval, oneOf } from '../../values.js'

type Programs = Readonly<Partial<Record<JobKind, string>>>

interface Flags extends ClusterFlags, Programs {
  readonly server?: string
  readonly inventory?: string
  readonly backoff?: Backoff
  readonly maxTries?: number
  readonly timeout?: number
  readonly sweep?: number
  readonly drain?: number
  readonly lostAfter?: number
  readonly log?: 'json'
}

export default defineCommand<Flags>({
  operands: '',
  atMost: 0,
  flagsAnywhere: true,
  flags: (command) =>
    clusterFlags(command)
      .option('-s, --server <name>', 'who we are in the inventory (default: the hostname)', host)
      .option('-i, --inventory <path>', 'a file, or a directory of them (default: the one in use)')
      .option('--archive <command>', 'a shell command that archives')
      .option('--restore <command>', 'a shell command that restores')
      .option('--format <command>', 'a shell command that formats a volume')
      .option('--other <command>', 'a shell command for jobs of other kinds')
      .option(
        '--backoff <durations>',
        'wait so long before the next try (default: 1m..1h)',
        backoff,
      )
      .option('-m, --max-tries <n>', 'try a job n times (default: 5); 0 for any number', count)
      .option('--timeout <duration>', 'end a job that takes longer', duration)
      .option(
        '--sweep <duration>',
        'look at everything so often in any case (default: 1m)',
        interval,
      )
      .option('--drain <duration>', 'how long a stop waits for jobs (default: 30s)', duration)
      .option(
        '--lost-after <duration>',
        'a server that is silent for so long is gone (default: 3.5s)',
        interval,
      )
      .option('--log <format>', 'every event, one a line on stdout: json', oneOf(['json'])),
  async run(call) {
    const {
      server = hostname(),
      log,
      queue: _,
      verbose: __,
      ...flags
    } = call.flags as Flags & {
      readonly verbose?: true
    }
    const { archive, restore, format, other, ...options } = flags
    const work = programs({ archive, restore, format, other })
    const cluster = clusterOf(call)
    using signals = catchSignals()
    const result = await serveCluster(cluster, {
      ...options,
      server,
      work,
      signal: signals.signal,
      kill: signals.again,
      onEvent: serviceReport(call, log === 'json'),
    })
    const { done, failed, retried, left, launched, passes } = result
    call.chirp(
      `stopped: ${done} completed, ${failed} failed, ${retried} to be tried again, ${left} left; ` +
        `${launched} launched in ${passes} passes`,
    )
    if (signals.again.aborted) signals.die()
    return 0
  },
})

function programs(given: Readonly<Record<JobKind, string | undefined>>): Programs {
  const kinds = jobKinds.filter((kind) => given[kind] !== undefined)
  for (const kind of kinds)
    if (given[kind]?.trim() === '') throw new UsageError(`--${kind}: the command is empty`)
  return Object.fromEntries(kinds.map((kind) => [kind, given[kind]]))
}
