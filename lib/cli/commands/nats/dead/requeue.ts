import { requeueDead } from '../../../../adapters/jetstream/index.js'
import { defineCommand } from '../../../command.js'
import { deadChoiceOf, deadFlags, type DeadFlags } from '../../../dead-flags.js'
import { withNats } from '../../../nats-flags.js'

export default defineCommand<DeadFlags>({
  operands: '[seq...]',
  flagsAnywhere: true,
  flags: (command) => deadFlags(command, 'every dead letter that is an item'),
  async run({ operands, flags, say, chirp }) {
    const which = deadChoiceOf(operands, flags)
    return withNats(flags, async (jetstream) => {
      let status = 0
      let left = 0
      for await (const { letter, error } of requeueDead(jetstream, which)) {
        if (error === undefined) chirp(`${letter.seq}: ${letter.id ?? ''}: published again`)
        else if (flags.all === true) {
          chirp(error.message)
          left++
        } else {
          say(error.message)
          status ||= error.exitStatus
        }
      }
      if (left > 0) say(`${left} that are no items are left; "fsq nats dead rm" removes them`)
      return status
    })
  },
})
