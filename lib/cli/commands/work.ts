import { FsqError } from '../../errors.js'
import { canRun, isPathOfSomething } from '../../posix/find-program.js'
import { chosenQueues } from '../../queue/hosts.js'
import { queueAt } from '../../root/queue-at.js'
import type { WorkEvent } from '../../work/events.js'
import { runProgram } from '../../work/run-program.js'
import { catchSignals } from '../../work/signals.js'
import { Worker, type WorkResult } from '../../work/worker.js'
import { type Call, defineCommand } from '../command.js'
import { reportJob } from '../job-report.js'
import { type LoadFlags, hostsOf, loadFlags, loadOf, rootOf } from '../load-flags.js'
import { jsonLine, print } from '../output.js'
import { UsageError } from '../usage-error.js'
import { duration, interval, oneOf, type Weight, weight } from '../values.js'

interface Flags extends LoadFlags {
  readonly weight?: readonly Weight[]
  readonly sweep?: number
  readonly drain?: number
  readonly stopOnSignal?: true
  readonly log?: 'json' | 'text'
}

export default defineCommand<Flags>({
  operands: 'queue... -- program [arg...]',
  atLeast: 1,
  flagsAnywhere: true,
  takesProgram: true,
  flags: (command) =>
    loadFlags(command)
      .option(
        '-w, --weight <queue=n>',
        'take n items of that queue for one of another; may be repeated',
        weight,
      )
      .option(
        '--sweep <duration>',
        'look at the queues so often in any case (default: 30s)',
        interval,
      )
      .option('--drain <duration>', 'how long a stop waits for programs (default: 30s)', duration)
      .option('--stop-on-signal', 'end when a signal kills a program')
      .option(
        '--log <format>',
        'every event, one a line on stdout: json; or text',
        oneOf(['json', 'text']),
      ),
  async run(call) {
    check(call)
    const { flags, operands: queues } = call
    const root = rootOf(call)
    using signals = catchSignals()
    const run = runProgram(call.program, {
      env: flags.env,
      noOpen: flags.open === false,
      keepOutput: flags.keepOutput,
      group: true,
      isOurs: call.program.length > 0,
      stopSignal: () => 'SIGTERM',
      askedToo: signals.askedToo,
    })
    const weights = new Map(flags.weight?.map(({ queue, weight }) => [queue, weight]))
    const worker = new Worker(
      queues.flatMap((name) =>
        chosenQueues(queueAt(root, name).context, hostsOf(flags)).map((queue) => ({
          queue,
          weight: weights.get(name) ?? 1,
        })),
      ),
      run,
      {
        ...loadOf(flags),
        ...(flags.sweep === undefined ? {} : { sweep: flags.sweep }),
        ...(flags.drain === undefined ? {} : { drain: flags.drain }),
        stopOnSignal: flags.stopOnSignal === true,
        signal: signals.signal,
        onEvent: (event) => {
          if (flags.log === 'json') void print(logLine(event)).catch(() => undefined)
          else report(event, queues.length === 1 ? call : naming(event, call))
        },
      },
    )
    signals.again.addEventListener('abort', () => {
      worker.kill().catch(() => undefined)
    })
    call.chirp(`working on ${queues.join(', ')} ...`)
    const result = await worker.ended.catch((error: unknown) => {
      const wasTold = flags.log !== 'json'
      if (wasTold && error instanceof FsqError && error.code === 'FSQ_PROGRAM_KILLED')
        return undefined
      throw error
    })
    if (result !== undefined) call.chirp(summary(result))
    if (signals.again.aborted) signals.die()
    return result === undefined || result.left > 0 ? root.settings.failTmp : 0
  },
})

function check({ operands, program, flags }: Call<Flags>): void {
  const twice = operands.find((name, i) => operands.indexOf(name) !== i)
  if (twice !== undefined) throw new UsageError(`the queue ${twice} is given twice`)
  if (program.length === 0 && flags.emptyOk !== true)
    throw new UsageError('no program given behind --; -k runs the arguments of each item')
  if (program[0] === '') throw new UsageError('the name of the program is empty')
  const [file] = program
  if (file !== undefined && !canRun(file)) {
    const why = isPathOfSomething(file) ? 'it is not executable' : 'there is no such program'
    throw new FsqError('FSQ_EXEC', `cannot run ${file}: ${why}`)
  }
  const stranger = flags.weight?.find(({ queue }) => !operands.includes(queue))
  if (stranger !== undefined)
    throw new UsageError(`--weight: ${stranger.queue} is not one of the queues`)
}

function logLine(event: WorkEvent): string {
  const { type, error, ...rest } = 'error' in event ? event : { ...event, error: undefined }
  const failure = error && { error: { code: error.code, message: error.message } }
  const numbers = Object.entries(rest).filter(([, value]) => typeof value === 'bigint')
  const texts = Object.fromEntries(numbers.map(([key, number]) => [key, String(number)]))
  return jsonLine({ time: new Date().toISOString(), type, ...rest, ...texts, ...failure })
}

type Talk = Pick<Call<Flags>, 'say' | 'chirp'>

function report(event: WorkEvent, call: Talk): void {
  switch (event.type) {
    case 'down':
    case 'up':
      call.say(`${event.queue} is ${event.type}`)
      break
    case 'idle':
      call.chirp('no more work for now')
      break
    default:
      if (event.type === 'error' && event.id === undefined) call.say(event.error.message)
      else reportJob(event, call)
  }
}

/** Of several queues each message begins with the one that it is about. */
function naming(event: WorkEvent, { say, chirp }: Talk): Talk {
  if (event.type === 'idle' || event.type === 'down' || event.type === 'up') return { say, chirp }
  return {
    say: (message) => {
      say(`${event.queue}: ${message}`)
    },
    chirp: (message) => {
      chirp(`${event.queue}: ${message}`)
    },
  }
}

function summary({ done, failed, retried, left }: WorkResult): string {
  return `stopped: ${done} done, ${failed} failed, ${retried} retried, ${left} left`
}
