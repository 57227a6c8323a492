import { localTime } from '../../../adapters/filespooler/job-variables.js'
import { openFilespooler } from '../../../adapters/filespooler/queue.js'
import { bytesWriter, harmless } from '../../output.js'
import {
  decoderFlag,
  type DecoderFlags,
  defineFsplCommand,
  logger,
  queueFlag,
  type QueueFlags,
} from './fspl-command.js'
import { logRejected } from './log-rejected.js'

export default defineFsplCommand<QueueFlags & DecoderFlags>({
  operands: '',
  flags: (command) => decoderFlag(queueFlag(command)),
  async run(call) {
    const { flags } = call
    const log = logger(call)
    const { jobs, rejected } = await openFilespooler(flags.queuedir).list(flags)
    const unsafe = new Set(rejected.map(({ entry }) => entry))
    const out = bytesWriter()
    const line = (sequence: string, time: string, name: Buffer | string): Promise<void> =>
      out.write(
        Buffer.concat([
          Buffer.from(`${sequence.padEnd(20)} ${time.padEnd(27)} `),
          Buffer.from(name),
          Buffer.from('\n'),
        ]),
      )
    await line('ID', 'creation timestamp', 'filename')
    for (const { job, name, entry } of jobs) {
      if (unsafe.has(entry)) continue
      // A pipe gets the bytes of the name, a person what does not steer the terminal.
      const shown = process.stdout.isTTY ? harmless(name) : Buffer.from(entry, 'latin1')
      await line(String(job.sequence), localTime(job.created), shown)
    }
    await out.flush()
    for (const file of rejected) logRejected(log, file)
    return 0
  },
})
