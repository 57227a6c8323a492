import { removeDead } from '../../../../adapters/jetstream/index.js'
import { defineCommand } from '../../../command.js'
import { deadChoiceOf, deadFlags, type DeadFlags } from '../../../dead-flags.js'
import { withNats } from '../../../nats-flags.js'

export default defineCommand<DeadFlags>({
  operands: '[seq...]',
  flagsAnywhere: true,
  flags: (command) => deadFlags(command, 'every dead letter'),
  async run({ operands, flags, chirp }) {
    const which = deadChoiceOf(operands, flags)
    return withNats(flags, async (jetstream) => {
      for await (const { seq, id } of removeDead(jetstream, which))
        chirp(`${seq}: ${id ?? 'no item'}: removed`)
      return 0
    })
  },
})
