import { print } from '../../output.js'
import { defineFsplCommand } from './fspl-command.js'
import { stdinJob } from './stdin-job.js'

export default defineFsplCommand({
  operands: '',
  async run() {
    const { payload } = await stdinJob()
    for await (const piece of payload.bytes()) await print(piece)
    return 0
  },
})
