import { defineCommand } from '../command.js'
import { eachHostQueue } from '../each-host-queue.js'
import { installFlags, type InstallFlags, installOptionsOf } from '../install-flags.js'

export default defineCommand<InstallFlags>({
  operands: 'host queue...',
  atLeast: 2,
  flagsAnywhere: true,
  flags: (command) => installFlags(command, 'host queue'),
  async run(call) {
    return eachHostQueue(call, async (hostQueue) => {
      call.chirp(`installing ${hostQueue.name} to ${hostQueue.path}`)
      const installed = await hostQueue.install(installOptionsOf(call.flags))
      if (!installed) call.chirp(`skipping ${hostQueue.name}; already installed`)
    })
  },
})
