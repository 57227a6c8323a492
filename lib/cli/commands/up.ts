import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'

export default defineCommand({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  async run(call) {
    return eachQueue(call, async (queue) => {
      await queue.up()
      call.chirp(`${queue.name} is up`)
    })
  },
})
