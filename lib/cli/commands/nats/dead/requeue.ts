import { requeueDead } from '../../../../adapters/jetstream/index.js'
import { defineCommand } from '../../../command.js'
import { natsFlags, type NatsFlags, withNats } from '../../../nats-flags.js'
import { UsageError } from '../../../usage-error.js'
import { count } from '../../../values.js'

interface Flags extends NatsFlags {
  readonly all?: true
  readonly queue?: string
}

export default defineCommand<Flags>({
  operands: '[seq...]',
  flagsAnywhere: true,
  flags: (command) =>
    natsFlags(
      command
        .option('--all', 'every dead letter')
        .option('--queue <queue>', 'with --all: every one of this queue'),
    ),
  async run({ operands, flags, say, chirp }) {
    const { all = false, queue } = flags
    if (operands.length > 0 && (all || queue !== undefined))
      throw new UsageError('dead letters are given by numbers or by --all, not both')
    if (operands.length === 0 && !all)
      throw new UsageError('no dead letter given; --all is every one')
    const which = all ? { queue } : operands.map((seq) => count(seq))
    return withNats(flags, async (jetstream) => {
      let status = 0
      for await (const { letter, error } of requeueDead(jetstream, which)) {
        if (error === undefined) chirp(`${letter.seq}: ${letter.id ?? ''}: published again`)
        else {
          say(`${letter.seq}: ${error.message}`)
          status ||= error.exitStatus
        }
      }
      return status
    })
  },
})
