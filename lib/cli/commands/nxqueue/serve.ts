import { hostname } from 'node:os'
import {
  type Cluster,
  type JobKind,
  jobKinds,
  serveCluster,
  type ServiceEvent,
} from '../../../adapters/nxqueue/index.js'
import type { JetStream } from '../../../adapters/jetstream/index.js'
import { reasonOf } from '../../../errors.js'
import type { Backoff } from '../../../work/backoff.js'
import { catchSignals } from '../../../work/signals.js'
import { type Call, defineCommand } from '../../command.js'
import { type ClusterFlags, clusterFlags, withCluster } from '../../nxqueue-flags.js'
import { natsReport } from '../../nats-report.js'
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
    const { archive, restore, format, other, server = hostname(), inventory, log } = call.flags
    const { backoff, maxTries, timeout, sweep, drain, lostAfter } = call.flags
    const work = programs({ archive, restore, format, other })
    if (Object.keys(work).length === 0)
      call.say(
        'no command is given: no job is executed here (--archive, --restore, --format, --other)',
      )
    const report = serviceReport(call, log === 'json')
    using signals = catchSignals()
    const result = await withCluster(call, async (cluster, jetStream) => {
      await using carrying = await carry(call, cluster, jetStream, server)
      return await serveCluster(cluster, {
        ...{ server, inventory, work, backoff, maxTries, timeout, sweep, drain, lostAfter },
        signal: signals.signal,
        kill: signals.again,
        onEvent: (event) => {
          report(event)
          carrying?.onEvent(event)
        },
      })
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

/** Jobs are carried to and from the other servers, where these share no files with us. */
async function carry(
  call: Call<Flags>,
  { queue }: Cluster,
  jetStream: JetStream | undefined,
  server: string,
): Promise<Carrying | undefined> {
  if (jetStream === undefined) return undefined
  const { JobCarrier } = await import('../../carry-jobs.js')
  const onError = (error: unknown): void => {
    call.say(reasonOf(error))
  }
  const onEvent = natsReport(call)
  const carrier = new JobCarrier({ queue, jetStream, server, servers: [server], onEvent, onError })
  await carrier.start()
  return {
    onEvent(event) {
      if (event.type === 'master' || event.type === 'client')
        carrier.setMaster(event.type === 'master')
      if (event.type === 'inventory') carrier.addServers(event.servers).catch(onError)
    },
    async [Symbol.asyncDispose]() {
      await carrier[Symbol.asyncDispose]()
    },
  }
}

interface Carrying extends AsyncDisposable {
  readonly onEvent: (event: ServiceEvent) => void
}

function programs(given: Readonly<Record<JobKind, string | undefined>>): Programs {
  const kinds = jobKinds.filter((kind) => given[kind] !== undefined)
  for (const kind of kinds)
    if (given[kind]?.trim() === '') throw new UsageError(`--${kind}: the command is empty`)
  return Object.fromEntries(kinds.map((kind) => [kind, given[kind]]))
}
