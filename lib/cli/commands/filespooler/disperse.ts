import { resolve } from 'node:path'
import { disperse, type DisperseEvent } from '../../../adapters/filespooler/disperse.js'
import { openFilespooler } from '../../../adapters/filespooler/queue.js'
import { jsonLine, print } from '../../output.js'
import { UsageError } from '../../usage-error.js'
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
    const paths = operands.map((operand) => resolve(operand))
    const twice = operands.find((_, at) => paths.indexOf(paths[at] ?? '') !== at)
    if (twice !== undefined) throw new UsageError(`the queue ${twice} is given twice`)
    const lines: string[] = []
    let returned = 0
    let undecodable = 0
    const onEvent = (event: DisperseEvent): void => {
      if (event.type === 'rejected') {
        const { name, reason, kind } = event.file
        if (kind === 'undecodable') undecodable++
        log[kind === 'undecodable' ? 'debug' : 'warn'](`${name} is left where it is: ${reason}`)
        return
      }
      const { sequence } = event.job.job
      if (event.type === 'returned') {
        returned++
        log.debug(`job ${sequence} is back`)
        return
      }
      const { to, name } = event
      if (json === true) lines.push(jsonLine({ sequence: String(sequence), to, name }))
      log.debug(`job ${sequence} is in ${to}`)
    }
    const { moved, left, waitingFor } = await untilSignal(async (signal) => {
      const options = { decoder, maxDepth, maxJobs, order, signal, wait, onEvent }
      try {
        return await disperse(openFilespooler(source), destinations.map(openFilespooler), options)
      } finally {
        // What was moved is moved, however this ends.
        if (lines.length > 0) await print(lines.join(''))
        if (returned > 0) log.warn(`back, since who moved them was killed: ${counted(returned)}`)
      }
    })
    if (undecodable > 0 && moved === 0 && left === 0 && waitingFor === undefined)
      log.info(`${noJobs(undecodable)}; see queue-check, or -d`)
    if (waitingFor !== undefined) log.info(`job ${waitingFor} is missing; those behind it wait`)
    if (left > 0 && moved < (maxJobs ?? Infinity)) log.info(`left for want of room: ${left}`)
    return 0
  },
})

function counted(jobs: number): string {
  return jobs === 1 ? '1 job' : `${jobs} jobs`
}

function noJobs(files: number): string {
  return files === 1 ? '1 file is no job' : `${files} files are no jobs`
}
