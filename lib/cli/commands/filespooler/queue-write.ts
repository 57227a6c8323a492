import { openFilespooler } from '../../../adapters/filespooler/queue.js'
import { readPieces } from '../../../posix/files.js'
import { defineFsplCommand, queueFlag, type QueueFlags } from './fspl-command.js'

export default defineFsplCommand<QueueFlags>({
  operands: '',
  flags: queueFlag,
  async run({ flags: { queuedir } }) {
    await openFilespooler(queuedir).write(readPieces(0))
    return 0
  },
})
