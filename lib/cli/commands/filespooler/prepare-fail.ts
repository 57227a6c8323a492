import { encodeHeader } from '../../../adapters/filespooler/header.js'
import { timeNow } from '../../../adapters/filespooler/time-now.js'
import { print } from '../../output.js'
import { defineFsplCommand } from './fspl-command.js'
import { nextNumber, seqfileFlag, type SeqfileFlags } from './seqfile-flag.js'

export default defineFsplCommand<SeqfileFlags>({
  operands: '',
  flags: seqfileFlag,
  async run({ flags }) {
    const sequence = await nextNumber(flags)
    await print(encodeHeader({ type: 'fail', sequence, created: timeNow() }))
    return 0
  },
})
