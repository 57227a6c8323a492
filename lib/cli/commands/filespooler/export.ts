import { exportItems } from '../../../adapters/filespooler/export.js'
import { openFilespooler } from '../../../adapters/filespooler/queue.js'
import { SequenceFile } from '../../../queue/sequence-file.js'
import { jsonLine, print } from '../../output.js'
import {
  defineFsplCommand,
  logger,
  queueFlag,
  type QueueFlags,
  waitFlag,
  type WaitFlags,
} from './fspl-command.js'
import { untilSignal } from './until-signal.js'

interface Flags extends QueueFlags, WaitFlags {
  readonly seqfile: string
  readonly json?: true
}

export default defineFsplCommand<Flags>({
  operands: 'queue',
  atLeast: 1,
  flags: (command) =>
    waitFlag(
      queueFlag(command)
        .requiredOption('-s, --seqfile <file>', 'file with the next number')
        .option('--json', 'print what came of it as a JSON object'),
      '10',
    ),
  async run(call) {
    const { operands, flags, root } = call
    const [name = ''] = operands
    const log = logger(call)
    const result = await untilSignal((signal) =>
      exportItems(
        root().queue(name),
        openFilespooler(flags.queuedir),
        new SequenceFile(flags.seqfile),
        {
          wait: flags.wait,
          signal,
          onEvent: (event) => {
            if (event.type === 'exported') log.debug(`${event.id} is ${event.file}`)
            else log.warn(`${event.id} is left: ${event.reason}`)
          },
        },
      ),
    )
    if (flags.json === true) await print(jsonLine(result))
    log.debug(
      `${result.added} jobs added, ${result.present} there already; ${result.left} items left`,
    )
    return 0
  },
})
