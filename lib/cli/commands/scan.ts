import { FsqError } from '../../errors.js'
import { canRun } from '../../posix/find-program.js'
import { queueAt } from '../../root/queue-at.js'
import { defineCommand } from '../command.js'
import { reportJob } from '../job-report.js'
import { type LoadFlags, loadFlags, loadOf, rootOf } from '../load-flags.js'
import { UsageError } from '../usage-error.js'
import { count } from '../values.js'

interface Flags extends LoadFlags {
  readonly done?: boolean
  readonly limit?: number
}

export default defineCommand<Flags>({
  operands: 'queue program [arg...]',
  atLeast: 1,
  skipsDashes: true,
  flags: (command) =>
    loadFlags(command)
      .option('-D, --no-done', 'leave items as they are, however the program ends')
      .option('--limit <n>', 'run at most n programs; 0 for any number', count),
  async run(call) {
    const { flags, operands } = call
    const [name = '', ...command] = operands
    if (command.length === 0 && flags.emptyOk !== true)
      throw new UsageError('no program given; -k runs the arguments of each item')
    if (command[0] === '') throw new UsageError('the name of the program is empty')
    const [program = ''] = command
    if (program.startsWith('-') && !canRun(program))
      throw new UsageError(`there is no program ${program}; flags come before the queue`)
    if (flags.ordered === true && flags.done === false)
      throw new UsageError('--ordered and -D exclude each other')
    const { env, limit } = flags
    const root = rootOf(call)
    let lastError: FsqError | undefined
    try {
      const { interrupted } = await queueAt(root, name).exec(command, {
        ...loadOf(flags),
        ...(env === undefined ? {} : { env }),
        ...(limit === undefined ? {} : { limit }),
        noDone: flags.done === false,
        keepOutput: flags.keepOutput === true,
        onEvent: (event) => {
          if (event.type === 'error') lastError = event.error
          // What ends the scan is told at its end.
          if (event.type !== 'failed' || event.error?.code !== 'FSQ_PROGRAM_KILLED')
            reportJob(event, call)
        },
      })
      if (interrupted !== undefined) process.kill(process.pid, interrupted)
    } catch (error) {
      if (!(error instanceof FsqError)) throw error
      if (error === lastError) return root.settings.failTmp // It is told already.
      if (error.code !== 'FSQ_DOWN' && error.code !== 'FSQ_PROGRAM_KILLED') throw error
      call.say(error.message)
      return root.settings.failTmp
    }
    return lastError === undefined ? 0 : root.settings.failTmp
  },
})
