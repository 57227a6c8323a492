import { encodeHeader } from '../../../adapters/filespooler/header.js'
import { senderVariables } from '../../../adapters/filespooler/sender-variables.js'
import { timeNow } from '../../../adapters/filespooler/time-now.js'
import { FsqError, reasonOf } from '../../../errors.js'
import { close, openForReading, readPieces } from '../../../posix/files.js'
import { print } from '../../output.js'
import { defineFsplCommand, notEmpty } from './fspl-command.js'
import { nextNumber, seqfileFlag, type SeqfileFlags } from './seqfile-flag.js'

interface Flags extends SeqfileFlags {
  readonly input?: string
}

export default defineFsplCommand<Flags>({
  operands: '[-- parameter...]',
  takesProgram: true,
  atMost: 0,
  flags: (command) =>
    seqfileFlag(command).option(
      '-i, --input <file>',
      'file with the payload; - is stdin',
      notEmpty,
    ),
  async run({ program: parameters, flags }) {
    const { input } = flags
    // Opened before a number is taken: a file that is missing must make no gap.
    const fd = input === undefined ? undefined : input === '-' ? 0 : await openInput(input)
    const job = {
      type: 'command',
      created: timeNow(),
      parameters: parameters.map((text) => Buffer.from(text)),
      environment: senderVariables(),
    } as const
    encodeHeader({ ...job, sequence: 0n }) // No more must a job that is refused.
    await print(encodeHeader({ ...job, sequence: await nextNumber(flags) }))
    if (fd === undefined) return 0
    for await (const piece of readPieces(fd)) await print(piece)
    if (fd !== 0) close(fd)
    return 0
  },
})

async function openInput(path: string): Promise<number> {
  try {
    return await openForReading(path)
  } catch (cause) {
    const message = `cannot open the payload ${path}: ${reasonOf(cause)}`
    throw new FsqError('FSQ_BODY', message, { path, cause })
  }
}
