import { importJobs } from '../../../adapters/filespooler/import.js'
import { openFilespooler } from '../../../adapters/filespooler/queue.js'
import { jsonLine, print } from '../../output.js'
import { count } from '../../values.js'
import {
  anyCase,
  decoderFlag,
  type DecoderFlags,
  defineFsplCommand,
  logger,
  queueFlag,
  type QueueFlags,
  waitFlag,
  type WaitFlags,
} from './fspl-command.js'
import { untilSignal } from './until-signal.js'

interface Flags extends QueueFlags, DecoderFlags, WaitFlags {
  readonly maxjobs?: number
  readonly orderBy: 'sequence' | 'timestamp'
  readonly unpack?: true
  readonly json?: true
}

export default defineFsplCommand<Flags>({
  operands: 'queue',
  atLeast: 1,
  flags: (command) =>
    waitFlag(
      decoderFlag(queueFlag(command))
        .option('-n, --maxjobs <jobs>', 'how many jobs to import at most', count)
        .option(
          '--order-by <order>',
          'Sequence: by number, without gaps; or Timestamp',
          anyCase(['Sequence', 'Timestamp']),
          'sequence',
        )
        .option('--unpack', 'make parameters arguments and payloads bodies, where nothing is lost')
        .option('--json', 'print what came of it as a JSON object'),
      '0',
    ),
  async run(call) {
    const { operands, flags, root } = call
    const [name = ''] = operands
    const log = logger(call)
    const { waitingFor, ...result } = await untilSignal((signal) =>
      importJobs(openFilespooler(flags.queuedir), root().queue(name), {
        decoder: flags.decoder,
        order: flags.orderBy,
        maxJobs: flags.maxjobs,
        unpack: flags.unpack,
        wait: flags.wait,
        signal,
        onEvent: (event) => {
          if (event.type === 'imported') log.debug(`${event.job.name} is ${event.id}`)
          else log.warn(`${event.file.name} is left: ${event.file.reason}`)
        },
      }),
    )
    const missing = waitingFor === undefined ? {} : { waitingFor: String(waitingFor) }
    if (flags.json === true) await print(jsonLine({ ...result, ...missing }))
    log.debug(
      `${result.added} items added, ${result.present} there already; ${result.left} files left`,
    )
    if (waitingFor !== undefined) log.info(`job ${waitingFor} is missing; those behind it wait`)
    return 0
  },
})
