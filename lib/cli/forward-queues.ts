import type { Command } from 'commander'
import { forwardItems } from '../adapters/jetstream/index.js'
import { catchSignals } from '../work/signals.js'
import { allAtOnce, queuesOf } from './all-at-once.js'
import type { Call } from './command.js'
import { type NatsFlags, withNats } from './nats-flags.js'
import { natsReport } from './nats-report.js'
import { host, positive } from './values.js'

/** The flags of what forwards queues. */
export interface ForwardFlags extends NatsFlags {
  readonly to?: string
  readonly jobs?: number
}

/** Adds them. */
export function forwardFlags(command: Command): Command {
  return command
    .option('--to <host>', 'for this host, whatever the queue says', host)
    .option('-j, --jobs <n>', 'publish n items at a time (default: 64)', positive)
}

/** Forwards the queues that the operands name; the exit status, and whether anything was left. */
export async function forwardQueues(
  call: Call<ForwardFlags>,
  options: { readonly follow: boolean; readonly sweep?: number | undefined },
): Promise<{ readonly status: number; readonly isWhole: boolean }> {
  const { to, jobs: concurrency } = call.flags
  const queues = await queuesOf(call)
  const report = natsReport(call)
  using signals = catchSignals()
  signals.again.addEventListener('abort', signals.die)
  let behind = 0
  const status = await withNats(call.flags, (jetstream) =>
    allAtOnce(queues, call, signals.signal, async (queue, signal) => {
      const { forwarded, refused, left } = await forwardItems(queue, jetstream, {
        to,
        concurrency,
        ...options,
        signal,
        onEvent: (event) => {
          report(queue.name, event)
        },
      })
      behind += refused + left
      call.chirp(`${queue.name}: ${forwarded} forwarded, ${refused} refused, ${left} left`)
    }),
  )
  return { status, isWhole: behind === 0 && signals.caught === undefined }
}
