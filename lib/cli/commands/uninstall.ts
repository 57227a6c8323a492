import { defineCommand } from '../command.js'
import { eachQueue } from '../each-queue.js'

export default defineCommand<{ readonly force?: true }>({
  operands: 'queue...',
  atLeast: 1,
  flagsAnywhere: true,
  flags: (command) =>
    command.option('-f, --force', 'although items wait to be worked on; they are lost'),
  async run(call) {
    const { force } = call.flags
    return eachQueue(call, async (queue) => {
      await queue.uninstall({ force })
      call.chirp(`${queue.name} is gone`)
    })
  },
})
