import { FsqError } from '../../errors.js'
import { defineCommand } from '../command.js'
import { eachHostQueue } from '../each-host-queue.js'

interface Flags {
  readonly force?: true
  readonly discard?: true
}

export default defineCommand<Flags>({
  operands: 'host queue...',
  atLeast: 2,
  flagsAnywhere: true,
  flags: (command) =>
    command
      .option('-f, --force', 'take it as success that there is no such host queue')
      .option('--discard', 'although items wait to be worked on; they are lost'),
  async run(call) {
    const { force, discard } = call.flags
    return eachHostQueue(call, async (hostQueue) => {
      try {
        await hostQueue.uninstall({ force: discard === true })
      } catch (error) {
        if (force !== true || !isMissing(error, hostQueue.path)) throw error
        call.chirp(`${hostQueue.name} is not there`)
        return
      }
      call.chirp(`${hostQueue.name} is gone`)
    })
  },
})

/** Whether it is the host queue that is missing, and not a part of it, nor its queue. */
function isMissing(error: unknown, path: string): boolean {
  return error instanceof FsqError && error.code === 'FSQ_NO_QUEUE' && error.path === path
}
