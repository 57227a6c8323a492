import { initFilespooler } from '../../../adapters/filespooler/queue.js'
import { defineFsplCommand, queueFlag, type QueueFlags } from './fspl-command.js'

interface Flags extends QueueFlags {
  readonly appendOnly?: true
}

export default defineFsplCommand<Flags>({
  operands: '',
  flags: (command) =>
    queueFlag(command).option('--append-only', 'make a queue that jobs can only be added to'),
  async run({ flags: { queuedir, appendOnly } }) {
    await initFilespooler(queuedir, { appendOnly })
    return 0
  },
})
