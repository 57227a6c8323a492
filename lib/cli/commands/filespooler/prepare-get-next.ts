import { SequenceFile } from '../../../queue/sequence-file.js'
import { print } from '../../output.js'
import { defineFsplCommand } from './fspl-command.js'
import { seqfileFlag, type SeqfileFlags } from './seqfile-flag.js'

export default defineFsplCommand<SeqfileFlags>({
  operands: '',
  flags: seqfileFlag,
  async run({ flags: { seqfile, wait } }) {
    using lock = await new SequenceFile(seqfile).lock({ wait })
    await print(`${await lock.read()}\n`)
    return 0
  },
})
