import { defineFsplCommand } from './fspl-command.js'
import { printInfo } from './print-info.js'
import { stdinJob } from './stdin-job.js'

export default defineFsplCommand({
  operands: '',
  async run() {
    await printInfo((await stdinJob()).job)
    return 0
  },
})
