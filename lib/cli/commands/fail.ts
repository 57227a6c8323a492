import { defineCommand } from '../command.js'
import { durabilityFlag } from '../durability-flag.js'
import { finishByName, limitFlags, type LimitFlags, retryOptions } from '../finish-by-name.js'
import { UsageError } from '../usage-error.js'

interface Flags extends LimitFlags {
  readonly tmp?: true
}

export default defineCommand<Flags>({
  operands: 'queue item...',
  atLeast: 2,
  skipsDashes: true,
  flags: (command) =>
    durabilityFlag(limitFlags(command).option('--tmp', 'temporarily: the same as fsq retry')),
  async run(call) {
    const { flags } = call
    const { tmp, maxTries, ttl, delay } = flags
    if (tmp !== true && (maxTries ?? ttl ?? delay) !== undefined)
      throw new UsageError('-m, -t and --delay say nothing without --tmp')
    return finishByName(call, (item) => {
      return tmp === true ? item.failTmp(retryOptions(flags)) : item.failPerm()
    })
  },
})
