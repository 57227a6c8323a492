import { randomUUID } from 'node:crypto'
import { print } from '../../output.js'
import { defineFsplCommand } from './fspl-command.js'

export default defineFsplCommand({
  operands: '',
  async run() {
    await print(`${randomUUID()}\n`)
    return 0
  },
})
