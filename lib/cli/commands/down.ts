import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'
import { type OwnerFlags, ownerFlags, ownerOf } from '../owner-flags.js'

export default defineCommand<OwnerFlags>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) => ownerFlags(command, 'the down file'),
  async run(call) {
    const owner = ownerOf(call.flags)
    return eachQueue(call, async (queue) => {
      await queue.down(owner)
      call.chirp(`${queue.name} is down`)
    })
  },
})
