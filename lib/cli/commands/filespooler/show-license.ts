import { readLicense } from '../../version.js'
import { print } from '../../output.js'
import { defineFsplCommand } from './fspl-command.js'

export default defineFsplCommand({
  operands: '',
  async run() {
    await print(readLicense())
    return 0
  },
})
