import { defineCommand } from '../command.js'
import { durabilityFlag } from '../durability-flag.js'
import { finishByName, limitFlags, type LimitFlags, retryOptions } from '../finish-by-name.js'

export default defineCommand<LimitFlags>({
  operands: 'queue item...',
  atLeast: 2,
  skipsDashes: true,
  flags: (command) => durabilityFlag(limitFlags(command)),
  async run(call) {
    return finishByName(call, (item) => item.retry(retryOptions(call.flags)))
  },
})
