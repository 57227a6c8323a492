import { openFilespooler } from '../../../adapters/filespooler/queue.js'
import {
  defineFsplCommand,
  queueFlag,
  type QueueFlags,
  waitFlag,
  type WaitFlags,
} from './fspl-command.js'
import { sequenceOperand } from './sequence-operand.js'

export default defineFsplCommand<QueueFlags & WaitFlags>({
  operands: 'id',
  atLeast: 1,
  flags: (command) => waitFlag(queueFlag(command), '0'),
  async run({ operands, flags }) {
    await openFilespooler(flags.queuedir).setNext(sequenceOperand(operands), flags)
    return 0
  },
})
