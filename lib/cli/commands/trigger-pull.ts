import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'
import { hostsFlag, type HostsFlag } from '../hosts-flag.js'

export default defineCommand<HostsFlag & { readonly ignoreListener?: true }>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) =>
    hostsFlag(command).option('-i, --ignore-listener', 'take it as success that nobody listens'),
  async run(call) {
    const { hosts, ignoreListener } = call.flags
    const options = { ignoreListener }
    return eachQueue(call, async (queue) => {
      await (hosts === true ? queue.hostTriggerPull(options) : queue.triggerPull(options))
      call.chirp(`pulled the trigger of ${queue.name}`)
    })
  },
})
