import { FsqError } from '../../errors.js'
import type { ExecEvent } from '../../work/exec-items.js'
import { type Call, defineCommand } from '../command.js'
import { durabilityFlag, type DurabilityFlags } from '../durability-flag.js'
import { UsageError } from '../usage-error.js'
import { count, setting } from '../values.js'

interface Flags extends DurabilityFlags {
  readonly env?: boolean
  readonly open?: boolean
  readonly ignoreDown?: true
  readonly emptyOk?: true
  readonly done?: boolean
  readonly lock?: boolean
  readonly ttl?: number
  readonly maxTries?: number
  readonly successCode?: number
  readonly failTmpCode?: number
  readonly failPermCode?: number
  readonly maxRate?: number
  readonly limit?: number
}

export default defineCommand<Flags>({
  operands: 'queue program [arg...]',
  atLeast: 1,
  flags: (command) =>
    durabilityFlag(
      command
        .option('-e, --env', 'tell the program of the item in FSQ_ITEM_* (default)')
        .option('-E, --no-env', 'do not')
        .option('-n, --no-open', 'do not give the body to the program; stdin is empty')
        .option('-i, --ignore-down', 'scan although the queue is down')
        .option('-k, --empty-ok', 'without a program, run the arguments of each item')
        .option('-D, --no-done', 'leave items as they are, however the program ends')
        .option('-l, --lock', 'lock each item (default)')
        .option('-L, --no-lock', 'do not')
        .option('-t, --ttl <seconds>', 'fail items that are so old; 0 for none', setting('ttl'))
        .option('-m, --max-tries <n>', 'fail items after n tries; 0 for none', setting('maxTries'))
        .option('-S, --success-code <n>', 'exit status for success', setting('success'))
        .option('-T, --fail-tmp-code <n>', 'exit status for another try', setting('failTmp'))
        .option('-F, --fail-perm-code <n>', 'exit status for failure', setting('failPerm'))
        .option('-r, --max-rate <n>', 'run at most n programs a second; 0 for any number', count)
        .option('--limit <n>', 'run at most n programs; 0 for any number', count),
    ),
  async run(call) {
    const { flags, operands } = call
    const [name = '', ...command] = operands
    if (command.length === 0 && flags.emptyOk !== true)
      throw new UsageError('no program given; -k runs the arguments of each item')
    if (command[0] === '') throw new UsageError('the name of the program is empty')
    const { env, lock, maxRate, limit } = flags
    const root = call.root({
      ttl: flags.ttl,
      maxTries: flags.maxTries,
      success: flags.successCode,
      failTmp: flags.failTmpCode,
      failPerm: flags.failPermCode,
      lock,
      durability: flags.durability,
    })
    const errors: FsqError[] = []
    try {
      const { interrupted } = await root.queue(name).exec(command, {
        ...(env === undefined ? {} : { env }),
        ...(maxRate === undefined ? {} : { maxRate }),
        ...(limit === undefined ? {} : { limit }),
        noOpen: flags.open === false,
        noDone: flags.done === false,
        ignoreDown: flags.ignoreDown === true,
        onEvent: (event) => {
          if (event.type === 'error') errors.push(event.error)
          report(event, call)
        },
      })
      if (interrupted !== undefined) process.kill(process.pid, interrupted)
    } catch (error) {
      if (!(error instanceof FsqError)) throw error
      if (error.code !== 'FSQ_DOWN' && error.code !== 'FSQ_PROGRAM_KILLED') throw error
      call.say(error.message)
      return root.settings.failTmp
    }
    return errors.length > 0 ? root.settings.failTmp : 0
  },
})

function report(event: ExecEvent, { say, chirp }: Call<Flags>): void {
  const { id } = event
  switch (event.type) {
    case 'working':
      chirp(`working on ${id} ...`)
      break
    case 'malformed':
      say(`${id}: malformed (${event.error.message}); failed permanently`)
      break
    case 'expired':
    case 'exhausted':
    case 'error':
      say(event.error.message)
      break
    case 'not-started':
      say(`${id}: ${event.error.message}`)
      reportOutcome(event.outcome, event.id, { say, chirp })
      break
    case 'finished':
      reportOutcome(event.outcome, event.id, { say, chirp })
  }
}

function reportOutcome(
  outcome: Extract<ExecEvent, { type: 'not-started' }>['outcome'],
  id: string,
  { say, chirp }: Pick<Call<Flags>, 'say' | 'chirp'>,
): void {
  if (outcome?.state === 'done') chirp(`${id}: succeeded`)
  if (outcome?.state === 'queue') say(`${id}: failed temporarily`)
  if (outcome?.state === 'fail') say(outcome.reason?.message ?? `${id}: failed permanently`)
}
