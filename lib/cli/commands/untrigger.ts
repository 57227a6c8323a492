import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'

export default defineCommand({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  async run(call) {
    return eachQueue(call, async (queue) => {
      await queue.untrigger()
      call.chirp(`${queue.name} has no trigger`)
    })
  },
})
