import { defineCommand } from '../command.js'
import { eachHostQueue } from '../each-host-queue.js'

export default defineCommand({
  operands: 'host queue...',
  atLeast: 2,
  flagsAnywhere: true,
  async run(call) {
    return eachHostQueue(call, async (hostQueue) => {
      await hostQueue.up()
      const stillDown = await hostQueue.isDown()
      call.chirp(`${hostQueue.name} ${stillDown ? 'is up, but its queue is down' : 'is up'}`)
    })
  },
})
