import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'

export default defineCommand<{ readonly ignoreListener?: true }>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) =>
    command.option('-i, --ignore-listener', 'take it as success that nobody listens'),
  async run(call) {
    return eachQueue(call, async (queue) => {
      await queue.triggerPull(call.flags)
      call.chirp(`pulled the trigger of ${queue.name}`)
    })
  },
})
