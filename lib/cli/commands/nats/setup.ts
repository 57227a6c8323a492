import { setupQueues, type SetupStep } from '../../../adapters/jetstream/index.js'
import { defineCommand } from '../../command.js'
import { natsFlags, type NatsFlags, withNats } from '../../nats-flags.js'
import { harmless, printLines } from '../../output.js'
import { hostList, interval, positive, size } from '../../values.js'

interface Flags extends NatsFlags {
  readonly host?: readonly string[]
  readonly replicas?: number
  readonly maxBytes?: number
  readonly ackWait?: number
  readonly maxDeliver?: number
  readonly duplicateWindow?: number
  readonly claimsTtl?: number
  readonly stream?: string
  readonly dryRun?: true
}

export default defineCommand<Flags>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) =>
    natsFlags(
      command
        .option('--host <name>', 'for this host, too; several with commas, or again', hostList)
        .option('--replicas <n>', 'keep everything on n servers', positive)
        .option('--max-bytes <size>', 'refuse items when so much waits', size)
        .option('--ack-wait <duration>', 'send again what is not confirmed by then', interval)
        .option('--max-deliver <n>', 'send an item n times at most', positive)
        .option('--duplicate-window <duration>', 'know an item again for so long', interval)
        .option('--claims-ttl <duration>', 'know for so long who has an item', interval)
        .option('--stream <name>', 'a stream of that name, for these queues alone')
        .option('-n, --dry-run', 'change nothing; print what would be done'),
    ),
  async run({ operands, flags }) {
    const { host: hosts, replicas, maxBytes, ackWait, maxDeliver } = flags
    const { duplicateWindow, claimsTtl, stream, dryRun = false } = flags
    const steps = await withNats(flags, (jetstream) =>
      setupQueues(jetstream, operands, {
        ...{ hosts, replicas, maxBytes, ackWait, maxDeliver },
        ...{ duplicateWindow, claimsTtl, stream, dryRun },
      }),
    )
    await printLines(steps.map((step) => stepLine(step, dryRun)))
    return 0
  },
})

const wouldBe = { created: 'would create', changed: 'would change', kept: 'would keep' } as const

function stepLine({ action, kind, name, changes }: SetupStep, dryRun: boolean): string {
  const details = changes.length === 0 ? '' : `: ${changes.join(', ')}`
  return harmless(`${dryRun ? wouldBe[action] : action} ${kind} ${name}${details}`)
}
