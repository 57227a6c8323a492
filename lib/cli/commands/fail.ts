import { defineCommand } from '../command.js'
import { durabilityFlag } from '../durability-flag.js'
import { finishByName, limitFlags, type LimitFlags, retryOptions } from '../finish-by-name.js'

interface Flags extends LimitFlags {
  readonly tmp?: true
}

export default defineCommand<Flags>({
  operands: 'queue item...',
  atLeast: 2,
  flags: (command) =>
    durabilityFlag(limitFlags(command).option('--tmp', 'temporarily: the same as fsq retry')),
  async run(call) {
    const { flags } = call
    return finishByName(call, (item) => {
      return flags.tmp === true ? item.failTmp(retryOptions(flags)) : item.failPerm()
    })
  },
})
