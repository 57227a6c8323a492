import { defineCommand } from '../command.js'
import { eachHostQueue } from '../each-host-queue.js'
import { type OwnerFlags, ownerFlags, ownerOf } from '../owner-flags.js'

export default defineCommand<OwnerFlags>({
  operands: 'host queue...',
  atLeast: 2,
  flagsAnywhere: true,
  flags: (command) => ownerFlags(command, 'the down file'),
  async run(call) {
    const owner = ownerOf(call.flags)
    return eachHostQueue(call, async (hostQueue) => {
      await hostQueue.down(owner)
      call.chirp(`${hostQueue.name} is down`)
    })
  },
})
