import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'
import { installFlags, type InstallFlags, installOptionsOf } from '../install-flags.js'
import { hosts } from '../values.js'

interface Flags extends InstallFlags {
  readonly triggered?: true
  readonly addHost?: readonly string[]
}

export default defineCommand<Flags>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) =>
    installFlags(command, 'queue')
      .option('-t, --triggered', 'make its trigger FIFO')
      .option('-a, --add-host <host>', 'and the host queue of that host; may be repeated', hosts),
  async run(call) {
    const { triggered, addHost } = call.flags
    return eachQueue(call, async (queue) => {
      call.chirp(`installing ${queue.name} to ${call.root().settings.root}`)
      const installed = await queue.install({
        ...installOptionsOf(call.flags),
        triggered,
        hosts: addHost,
      })
      if (!installed) call.chirp(`skipping ${queue.name}; already installed`)
    })
  },
})
