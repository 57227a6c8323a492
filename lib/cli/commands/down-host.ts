import { defineCommand } from '../command.js'
import { eachHostQueue } from '../each-host-queue.js'
import { type OwnerFlags, ownerFlags } from '../owner-flags.js'

export default defineCommand<OwnerFlags>({
  operands: 'host queue...',
  atLeast: 2,
  flagsAnywhere: true,
  flags: (command) => ownerFlags(command, 'the down file'),
  async run(call) {
    return eachHostQueue(call, async (hostQueue) => {
      await hostQueue.down(call.flags)
      call.chirp(`${hostQueue.name} is down`)
    })
  },
})
