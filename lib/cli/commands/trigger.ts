import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'
import { hostsFlag, type HostsFlag } from '../hosts-flag.js'
import { type OwnerFlags, ownerFlags, ownerOf } from '../owner-flags.js'

export default defineCommand<OwnerFlags & HostsFlag>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) => hostsFlag(ownerFlags(command, 'the trigger')),
  async run(call) {
    const owner = ownerOf(call.flags)
    return eachQueue(call, async (queue) => {
      await (call.flags.hosts === true ? queue.hostTrigger(owner) : queue.trigger(owner))
      call.chirp(`${queue.name} has a trigger`)
    })
  },
})
