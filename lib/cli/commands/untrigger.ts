import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'
import { hostsFlag, type HostsFlag } from '../hosts-flag.js'

export default defineCommand<HostsFlag>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: hostsFlag,
  async run(call) {
    return eachQueue(call, async (queue) => {
      await (call.flags.hosts === true ? queue.hostUntrigger() : queue.untrigger())
      call.chirp(`${queue.name} has no trigger`)
    })
  },
})
