import type { Command } from 'commander'
import { SequenceFile } from '../../../queue/sequence-file.js'
import { notEmpty, waitFlag, type WaitFlags } from './fspl-command.js'

/** The flags of a command of the sender. */
export interface SeqfileFlags extends WaitFlags {
  readonly seqfile: string
}

/** Adds -s and --wait. */
export function seqfileFlag(command: Command): Command {
  return waitFlag(
    command.requiredOption(
      '-s, --seqfile <file>',
      'file with the next number; - for none',
      notEmpty,
    ),
    '10',
  )
}

/** The number of the next job: from the file, or 1 without one. */
export async function nextNumber({ seqfile, wait }: SeqfileFlags): Promise<bigint> {
  return seqfile === '-' ? 1n : new SequenceFile(seqfile).allocate(1, { wait })
}
