import { receiveItems } from '../../../adapters/jetstream/index.js'
import { catchSignals } from '../../../work/signals.js'
import { allAtOnce, queuesOf } from '../../all-at-once.js'
import { defineCommand } from '../../command.js'
import { durabilityFlag, type DurabilityFlags } from '../../durability-flag.js'
import { natsFlags, type NatsFlags, withNats } from '../../nats-flags.js'
import { natsReport } from '../../nats-report.js'
import { UsageError } from '../../usage-error.js'
import { host, interval, oneOf, positive, size, timeToLive } from '../../values.js'

interface Flags extends NatsFlags, DurabilityFlags {
  readonly host?: string
  readonly as?: string
  readonly depth?: number
  readonly ack?: 'spooled' | 'finished'
  readonly lostAfter?: number
  readonly ttl?: number
  readonly maxSize?: number
  readonly jobs?: number
}

export default defineCommand<Flags>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) =>
    durabilityFlag(
      natsFlags(
        command
          .option('--host <name>', 'what is for this host, not what is for any', host)
          .option('--as <host>', 'who we are to the others (default: the hostname)', host)
          .option('--depth <n>', 'hold n items in a queue at most (default: 1000)', positive)
          .option(
            '--ack <when>',
            'an item is ours once it is spooled (default), or finished',
            oneOf(['spooled', 'finished']),
          )
          .option(
            '--lost-after <duration>',
            'with finished: let others have it when we are gone for so long (default: 60s)',
            interval,
          )
          .option('-t, --ttl <duration>', 'older items are dead letters (FSQ_TTL)', timeToLive)
          .option('--max-size <size>', 'larger items are dead letters', size)
          .option('-j, --jobs <n>', 'take n items at a time (default: 256)', positive),
      ),
    ),
  async run(call) {
    const { host, as, depth, ack, lostAfter, ttl, maxSize, jobs: concurrency } = call.flags
    if (lostAfter !== undefined && ack !== 'finished')
      throw new UsageError('--lost-after goes with --ack finished')
    const queues = await queuesOf(call, { durability: call.flags.durability })
    const report = natsReport(call)
    using signals = catchSignals()
    signals.again.addEventListener('abort', signals.die)
    return await withNats(call.flags, (jetstream) =>
      allAtOnce(queues, call, signals.signal, async (queue, signal) => {
        const { received, repeated, dead, returned } = await receiveItems(queue, jetstream, {
          host,
          as,
          depth,
          ack,
          lostAfter,
          ttl,
          maxSize,
          concurrency,
          signal,
          onEvent: (event) => {
            report(queue.name, event)
          },
        })
        call.chirp(
          `${queue.name}: ${received} received, ${repeated} there already, ${dead} dead, ${returned} returned`,
        )
      }),
    )
  },
})
