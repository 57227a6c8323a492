import { openFilespooler } from '../../../adapters/filespooler/queue.js'
import { print } from '../../output.js'
import {
  defineFsplCommand,
  queueFlag,
  type QueueFlags,
  waitFlag,
  type WaitFlags,
} from './fspl-command.js'

export default defineFsplCommand<QueueFlags & WaitFlags>({
  operands: '',
  flags: (command) => waitFlag(queueFlag(command), '0'),
  async run({ flags }) {
    await print(`${await openFilespooler(flags.queuedir).getNext(flags)}\n`)
    return 0
  },
})
