import { makeJobName } from '../../../adapters/filespooler/publish-job.js'
import { print } from '../../output.js'
import { defineFsplCommand } from './fspl-command.js'

export default defineFsplCommand({
  operands: '',
  async run() {
    await print(`${makeJobName()}\n`)
    return 0
  },
})
