import { commandWork } from '../../../adapters/filespooler/command-work.js'
import { openFilespooler } from '../../../adapters/filespooler/queue.js'
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
import { logRejected } from './log-rejected.js'
import { commandOptions, runFlags, type RunFlags } from './run-flags.js'
import { untilSignal } from './until-signal.js'

interface Flags extends QueueFlags, DecoderFlags, RunFlags, WaitFlags {
  readonly maxjobs?: number
  readonly neverDelete?: true
  readonly orderBy: 'sequence' | 'timestamp'
  readonly onError: 'retry' | 'delete' | 'leave' | 'deadletter'
  readonly outputTo: 'passboth' | 'saveboth'
}

export default defineFsplCommand<Flags>({
  operands: 'command [-- argument...]',
  atLeast: 1,
  takesProgram: true,
  flags: (command) =>
    waitFlag(
      runFlags(
        decoderFlag(queueFlag(command))
          .option('-n, --maxjobs <jobs>', 'how many jobs to run at most', count)
          .option('--never-delete', 'leave the files of all jobs in the queue')
          .option(
            '--order-by <order>',
            'Sequence: by number, without gaps; or Timestamp',
            anyCase(['Sequence', 'Timestamp']),
            'sequence',
          )
          .option(
            '--on-error <outcome>',
            'what becomes of a job that failed: Retry, Delete, Leave or Deadletter',
            anyCase(['Retry', 'Delete', 'Leave', 'Deadletter']),
            'retry',
          )
          .option(
            '--output-to <destination>',
            'PassBoth to our stdout and stderr, or SaveBoth in a file beside the job',
            anyCase(['PassBoth', 'SaveBoth']),
            'passboth',
          ),
      ),
      '0',
    ),
  async run(call) {
    const { operands, program, flags } = call
    const log = logger(call)
    const work = commandWork(
      [...operands, ...program],
      { ...commandOptions(flags), output: flags.outputTo === 'saveboth' ? 'save' : 'pass' },
      log.warn,
    )
    let undecodable = 0
    const result = await untilSignal((signal, askedToo) =>
      openFilespooler(flags.queuedir).process(work(signal, askedToo), {
        decoder: flags.decoder,
        order: flags.orderBy,
        onError: flags.onError,
        maxJobs: flags.maxjobs,
        neverDelete: flags.neverDelete,
        wait: flags.wait,
        signal,
        onEvent: (event) => {
          if (event.type === 'rejected') {
            logRejected(log, event.file)
            if (event.file.kind === 'undecodable') undecodable++
            return
          }
          const { job, name } = event.job
          if (event.type === 'done') log.debug(`job ${job.sequence} is done`)
          else log.warn(`job ${job.sequence} (${name}): ${event.error.message}`)
        },
      }),
    )
    if (result.waitingFor !== undefined)
      log.info(`job ${result.waitingFor} is missing; those behind it wait`)
    if (undecodable > 0 && result.done + result.failed === 0)
      log.info(`nothing is done: ${undecodable} files are no jobs; see queue-check, or -d`)
    if (result.failure === undefined) return 0
    call.say('stopped at a job that failed; it stays to be tried again')
    return 1
  },
})
