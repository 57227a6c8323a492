import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'
import { group, setting, user } from '../values.js'

interface Flags {
  readonly force?: true
  readonly ignoreExists?: true
  readonly down?: true
  readonly triggered?: true
  readonly owner?: number
  readonly group?: number
  readonly mode?: number
}

/** What the bits of a directory's mode mean for a file: neither executable nor set-id. */
const fileBits = 0o666

export default defineCommand<Flags>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) =>
    command
      .option('-f, --force', 'remove a queue of that name first, with all its items')
      .option('-i, --ignore-exists', 'leave a queue of that name alone')
      .option('-d, --down', 'install it as down')
      .option('-t, --triggered', 'make its trigger FIFO')
      .option('-o, --owner <user>', 'owner of all of it, a name or an id', user)
      .option('-g, --group <group>', 'group of all of it, a name or an id', group)
      .option('-m, --mode <mode>', 'mode of its directories, octal', setting('queueMode')),
  async run(call) {
    const { force, ignoreExists, down, triggered, owner, group, mode } = call.flags
    return eachQueue(call, async (queue) => {
      call.chirp(`installing ${queue.name} to ${call.root().settings.root}`)
      const installed = await queue.install({
        user: owner,
        group,
        mode,
        itemUser: owner,
        itemGroup: group,
        itemMode: mode === undefined ? undefined : mode & fileBits,
        down,
        triggered,
        ifExists: force === true ? 'replace' : ignoreExists === true ? 'ignore' : 'error',
      })
      if (!installed) call.chirp(`skipping ${queue.name}; already installed`)
    })
  },
})
