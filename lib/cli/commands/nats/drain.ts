import { forwardItems } from '../../../adapters/jetstream/index.js'
import { catchSignals } from '../../../work/signals.js'
import { allAtOnce, queuesOf } from '../../all-at-once.js'
import { defineCommand } from '../../command.js'
import { natsFlags, type NatsFlags, withNats } from '../../nats-flags.js'
import { natsReport } from '../../nats-report.js'
import { host, positive } from '../../values.js'

interface Flags extends NatsFlags {
  readonly to?: string
  readonly jobs?: number
}

export default defineCommand<Flags>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) =>
    natsFlags(
      command
        .option('--to <host>', 'for this host, whatever the queue says', host)
        .option('-j, --jobs <n>', 'publish n items at a time (default: 64)', positive),
    ),
  async run(call) {
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
          follow: false,
          signal,
          onEvent: (event) => {
            report(queue.name, event)
          },
        })
        behind += refused + left
        call.chirp(`${queue.name}: ${forwarded} forwarded, ${refused} refused, ${left} left`)
      }),
    )
    if (status !== 0) return status
    return behind === 0 && signals.caught === undefined ? 0 : call.root().settings.failTmp
  },
})
