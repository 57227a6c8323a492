import { defineCommand } from '../command.js'
import { durabilityFlag } from '../durability-flag.js'
import { finishByName, type FinishFlags, finishFlags } from '../finish-by-name.js'

export default defineCommand<FinishFlags>({
  operands: 'queue item...',
  atLeast: 2,
  skipsDashes: true,
  flags: (command) => durabilityFlag(finishFlags(command)),
  async run(call) {
    return finishByName(call, (item) => item.success())
  },
})
