import { encodeHeader } from '../../../adapters/filespooler/header.js'
import type { Job } from '../../../adapters/filespooler/job.js'
import { timeNow } from '../../../adapters/filespooler/time-now.js'
import type { CliCommand } from '../../command.js'
import { print } from '../../output.js'
import { defineFsplCommand, type FsplFlags } from './fspl-command.js'
import { nextNumber, seqfileFlag, type SeqfileFlags } from './seqfile-flag.js'

/** A command that writes a job of which the header is all. */
export function prepareEmpty(
  type: Exclude<Job['type'], 'command'>,
): CliCommand<SeqfileFlags & FsplFlags> {
  return defineFsplCommand<SeqfileFlags>({
    operands: '',
    flags: seqfileFlag,
    async run({ flags }) {
      await print(encodeHeader({ type, sequence: await nextNumber(flags), created: timeNow() }))
      return 0
    },
  })
}
