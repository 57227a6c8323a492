import { disperse } from '../../../adapters/filespooler/disperse.js'
import { openFilespooler } from '../../../adapters/filespooler/queue.js'
import { jsonLine, print } from '../../output.js'
import { count, positive } from '../../values.js'
import {
  anyCase,
  decoderFlag,
  type DecoderFlags,
  defineFsplCommand,
  logger,
  waitFlag,
  type WaitFlags,
} from './fspl-command.js'
import { untilSignal } from './until-signal.js'

interface Flags extends DecoderFlags, WaitFlags {
  readonly json?: true
  readonly maxjobs?: number
  readonly maxDepth?: number
  readonly orderBy: 'sequence' | 'timestamp'
}

export default defineFsplCommand<Flags>({
  operands: 'source destination...',
  atLeast: 2,
  atMost: Infinity,
  flags: (command) =>
    waitFlag(
      decoderFlag(command)
        .option('-n, --maxjobs <jobs>', 'how many jobs to move at most', count)
        .option('--max-depth <jobs>', 'how many jobs a destination is to have at most', positive)
        .option(
          '--order-by <order>',
          'Sequence: by number, without gaps; or Timestamp',
          anyCase(['Sequence', 'Timestamp']),
          'sequence',
        )
        .option('--json', 'print an object for each job that was moved'),
      '0',
    ),
  async run(call) {
    const { operands, flags } = call
    const { decoder, json, maxDepth, maxjobs: maxJobs, orderBy: order, wait } = flags
    const log = logger(call)
    const [source = '', ...destinations] = operands
    const lines: string[] = []
    const { moved, left, waitingFor } = await untilSignal((signal) =>
      disperse(openFilespooler(source), destinations.map(openFilespooler), {
        ...{ decoder, maxDepth, maxJobs, order, signal, wait },
        onEvent: (event) => {
          if (event.type === 'rejected') {
            const { name, reason, kind } = event.file
            log[kind === 'unsafe' ? 'warn' : 'debug'](`${name} is left where it is: ${reason}`)
            return
          }
          const { sequence } = event.job.job
          if (event.type === 'returned') {
            log.warn(`job ${sequence} is back: somebody who moved it was killed`)
            return
          }
          const { to, name } = event
          if (json === true) lines.push(jsonLine({ sequence: String(sequence), to, name }))
          log.debug(`job ${sequence} is in ${to}`)
        },
      }),
    )
    if (lines.length > 0) await print(lines.join(''))
    if (waitingFor !== undefined) log.info(`job ${waitingFor} is missing; those behind it wait`)
    if (left > 0 && moved < (maxJobs ?? Infinity)) log.info(`left for want of room: ${left}`)
    return 0
  },
})
