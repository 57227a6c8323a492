import { SequenceFile } from '../../../queue/sequence-file.js'
import { defineFsplCommand } from './fspl-command.js'
import { seqfileFlag, type SeqfileFlags } from './seqfile-flag.js'
import { sequenceOperand } from './sequence-operand.js'

export default defineFsplCommand<SeqfileFlags>({
  operands: 'id',
  atLeast: 1,
  flags: seqfileFlag,
  async run({ operands, flags: { seqfile, wait } }) {
    const next = sequenceOperand(operands)
    using lock = await new SequenceFile(seqfile).lock({ wait })
    await lock.write(next)
    return 0
  },
})
