import { FsqError, reasonOf } from '../errors.js'
import { type Ended, startProgram } from '../posix/program.js'
import type { QueueContext } from '../queue/context.js'
import type { Outcome } from '../queue/finish.js'
import type { Item } from '../queue/item.js'
import { Scan, type ScanOptions } from '../queue/scan.js'
import type { ItemEvent, ScanEvent } from '../queue/scan-events.js'
import { itemEnvironment } from './environment.js'
import { passSignals, type SignalPass } from './signals.js'

/*
 * Running a program for each item, fsq-scan(1):
 *
 *   1. scan the queue; for each item, locked,
 *   2. start the program with its arguments and then the item's, the item's body as its standard
 *      input: the very descriptor that is locked, so that a program that outlives us keeps the lock
 *   3. wait for it, and finish the item as its exit status says
 *
 * A crash of this process at any point leaves the item in the queue: locked while the program runs
 * on, free afterwards, and then it is run again.
 */

/** How a program is run for each item. */
export interface ExecOptions extends Omit<ScanOptions, 'onEvent' | 'signal'> {
  /** Tell the program of the item in FSQ_ITEM_* variables. @defaultValue true */
  readonly env?: boolean
  /** Leave each item as it is after the program, however that ended. @defaultValue false */
  readonly noDone?: boolean
  /** Is told of every item. */
  readonly onEvent?: (event: ExecEvent) => void
  /** Ends it: the program gets SIGTERM, its item stays in the queue as it was. */
  readonly signal?: AbortSignal
}

/** A program is about to be started for the item. */
export interface WorkingEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'working'
}

/** The program ended, and the item was finished as its exit status says. */
export interface FinishedEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'finished'
  /** Where the item is. */
  readonly outcome: Outcome
}

/** The program could not be started; the item failed, for now or for good. */
export interface NotStartedEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'not-started'
  /** `FSQ_EXEC` */
  readonly error: FsqError
  /** Where the item is; undefined where `noDone` leaves it alone. */
  readonly outcome?: Outcome
}

/** Something that happened while programs were run for items. */
export type ExecEvent = ScanEvent | WorkingEvent | FinishedEvent | NotStartedEvent

/** What came of running a program for each item. */
export interface ExecResult {
  /** How many items were taken up. */
  readonly count: number
  /** The signal that this process got, if any: the item at hand is in the queue as it was. */
  readonly interrupted?: NodeJS.Signals
}

/** {@link Queue.exec} */
export async function execItems(
  queue: QueueContext,
  command: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  if (command[0] === '') throw new TypeError('Expected the name of a program, got an empty one')
  using signals = passSignals()
  const outer = options.signal
  const signal = outer === undefined ? signals.signal : AbortSignal.any([signals.signal, outer])
  let count = 0
  try {
    const { env, noDone, ...scanOptions } = options
    const environment = { ...process.env } // Read once: each variable costs a call.
    await using scan = new Scan(queue, { ...scanOptions, signal })
    for await (const item of scan) {
      await execItem(item, command, options, signals, environment)
      count++
      item.close()
      signal.throwIfAborted()
    }
  } catch (error) {
    if (error !== signals.signal.reason) throw error
  }
  return { count, ...(signals.caught === undefined ? {} : { interrupted: signals.caught }) }
}

async function execItem(
  item: Item,
  command: readonly string[],
  options: ExecOptions,
  signals: SignalPass,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const { queue, id } = item
  options.onEvent?.({ type: 'working', queue, id })
  const [program, ...args] = [...command, ...item.arguments]
  const ended =
    program === undefined
      ? { error: new Error('the item has no arguments, so there is nothing to run') }
      : await run(item, program, args, options, signals, environment)
  if (signals.caught !== undefined || options.signal?.aborted === true) return
  try {
    await finish(item, ended, options, program ?? '')
  } catch (error) {
    // An item that somebody else finished, or a name that cannot be written: on with the next.
    if (!(error instanceof FsqError) || error.code === 'FSQ_PROGRAM_KILLED') throw error
    options.onEvent?.({ type: 'error', queue, id, error })
  }
}

async function run(
  item: Item,
  program: string,
  args: readonly string[],
  { env = true, noOpen, signal }: ExecOptions,
  signals: SignalPass,
  environment: NodeJS.ProcessEnv,
): Promise<Ended> {
  const running = startProgram(program, args, {
    stdin: noOpen === true ? 'ignore' : (item.fd ?? 'ignore'),
    // So that a program that outlives us keeps the lock, though it does not read the body.
    held: noOpen === true ? item.fd : undefined,
    env: env ? itemEnvironment(item, environment) : environment,
  })
  const stop = (): void => {
    running.kill('SIGTERM')
  }
  signals.passTo(running)
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted === true) stop() // By who was told that the item is worked on.
  try {
    const ended = await running.ended
    await signals.settle(ended)
    return ended
  } finally {
    signals.passTo(undefined)
    signal?.removeEventListener('abort', stop)
  }
}

async function finish(
  item: Item,
  ended: Ended,
  { noDone = false, onEvent }: ExecOptions,
  program: string,
): Promise<void> {
  const { queue, id } = item
  if ('error' in ended) {
    const why = `cannot run ${program === '' ? 'item' : program}: ${reasonOf(ended.error)}`
    const error = new FsqError('FSQ_EXEC', why, { queue, id, cause: ended.error })
    // No system has arguments with a NUL in them: no later try can succeed.
    const ofItem = item.arguments.some((argument) => argument.includes('\0'))
    const outcome = noDone ? undefined : await (ofItem ? item.failPerm() : item.failTmp())
    onEvent?.({ type: 'not-started', queue, id, error, ...(outcome && { outcome }) })
  } else if ('signal' in ended) {
    if (!noDone) await item.failPerm()
    throw new FsqError(
      'FSQ_PROGRAM_KILLED',
      `${id}: processing terminated by signal ${ended.signal}; aborting`,
      { queue, id },
    )
  } else if (!noDone) {
    const outcome = await item.done(ended.code)
    onEvent?.({ type: 'finished', queue, id, outcome })
  }
}
