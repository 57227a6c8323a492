import { FsqError } from '../errors.js'
import type { QueueContext } from '../queue/context.js'
import { downError } from '../queue/down.js'
import { chosenQueues } from '../queue/hosts.js'
import type { Backoff } from './backoff.js'
import { Dispatch } from './dispatch.js'
import type { JobEvent } from './events.js'
import { feedOf } from './feed-of.js'
import { KeyLimits } from './key-limits.js'
import { runProgram } from './run-program.js'
import { catchSignals } from './signals.js'
import { checkedBackoff, checkedLoad, loadOptions, type LoadOptions } from './work-options.js'

/*
 * Running a program for each item that is there, fsq-scan(1): list the queue once, and for each item,
 * so many at a time, the steps of job.ts and run-program.ts. Several host queues take turns.
 */

/** How a program is run for each item. */
export interface ExecOptions extends LoadOptions {
  /** Tell the program of the item in FSQ_ITEM_* variables. @defaultValue true */
  readonly env?: boolean
  /** Leave each item as it is after the program, however that ended. @defaultValue false */
  readonly noDone?: boolean
  /** For how many items it is run at most, 0 for all. @defaultValue 0 */
  readonly limit?: number
  /** How long an item that failed temporarily waits. @defaultValue not at all */
  readonly backoff?: Backoff
  /** Keep the last 64 KiB that the program of an item wrote, if it failed. @defaultValue false */
  readonly keepOutput?: boolean
  /** Is told of every item. */
  readonly onEvent?: (event: JobEvent) => void
  /** Ends it: the programs get SIGTERM, their items stay in the queue as they were. */
  readonly signal?: AbortSignal
}

const execOptions = new Set<string>([
  ...loadOptions,
  ...([
    'env',
    'noDone',
    'limit',
    'backoff',
    'keepOutput',
    'onEvent',
    'signal',
  ] satisfies (keyof ExecOptions)[]),
])

/** What came of running a program for each item. */
export interface ExecResult {
  /** How many items were taken up. */
  readonly count: number
  /** The signal that this process got, if any: the items at hand are in the queue as they were. */
  readonly interrupted?: NodeJS.Signals
}

/** How many names a scan with a limit lists at a time, at least: some may be somebody else's. */
const leastWindow = 1000

/** {@link Queue.exec} */
export async function execItems(
  queue: QueueContext,
  command: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const { limit = 0, noDone = false, onEvent = () => undefined, signal: outer } = options
  const { timeout, grace, ...load } = checkedLoad(options, execOptions)
  if (!Number.isSafeInteger(limit) || limit < 0)
    throw new TypeError(`Expected \`limit\` to be a whole number, got ${limit}`)
  if (noDone && options.ordered === true)
    throw new TypeError(
      'Expected no `noDone` beside `ordered`: the next item comes when one is done',
    )
  using signals = catchSignals()
  const run = runProgram(command, {
    env: options.env,
    noOpen: options.noOpen,
    keepOutput: options.keepOutput,
    // A program that may take as long as it likes is left to the terminal, like one that a shell runs.
    group: timeout > 0,
    stopSignal: () => signals.caught ?? 'SIGTERM',
    askedToo: signals.askedToo,
  })
  outer?.throwIfAborted()
  using keys = new KeyLimits(
    { concurrency: load.limitConcurrency, rate: load.limitRate },
    (key) => {
      for (const feed of feeds) feed.unpark(key)
      dispatch.pump()
    },
  )
  const window = limit === 0 ? Infinity : Math.max(limit, leastWindow)
  const backoff = checkedBackoff(options.backoff)
  const feeds = chosenQueues(queue, options).map((source) =>
    feedOf(source, options, { backoff, window, keys, onEvent, once: true }),
  )
  let count = 0
  let failure: { readonly error: unknown } | undefined
  const fail = (error: unknown): void => {
    failure ??= { error }
    dispatch.stop()
  }
  const dispatch: Dispatch = new Dispatch({
    feeds: feeds.map((feed) => ({ feed, weight: 1 })),
    job: { run, timeout, grace, noDone, onEvent },
    concurrency: load.concurrency,
    maxRate: load.maxRate,
    limit,
    onEnd: (end) => {
      count++
      if (end.type === 'unable' && concernsAll(end.error)) fail(end.error)
      else if (end.error?.code === 'FSQ_PROGRAM_KILLED') fail(aborting(end.error))
    },
    onPause: () => undefined,
    onError: fail,
  })
  const stop = (): void => {
    dispatch.stop()
    dispatch.stopJobs(Infinity) // As long as they take: whoever asked can ask again.
  }
  signals.signal.addEventListener('abort', stop)
  outer?.addEventListener('abort', stop)
  signals.again.addEventListener('abort', () => {
    dispatch.killJobs()
  })
  try {
    for (const feed of feeds) feed.wake()
    dispatch.pump()
    await dispatch.idle()
    for (const feed of feeds) await feed.close().catch(fail)
  } finally {
    outer?.removeEventListener('abort', stop) // It may outlive many of these.
  }
  if (failure !== undefined) throw failure.error
  if (signals.caught !== undefined) return { count, interrupted: signals.caught }
  outer?.throwIfAborted()
  const downs = feeds.filter((feed) => feed.down).map((feed) => feed.queue)
  if (downs.length > 0) throw downError(downs)
  return { count }
}

/** fsq-scan(1): if a signal kills a program, the scan stops. */
function aborting({ message, queue = '', id = '' }: FsqError): FsqError {
  return new FsqError('FSQ_PROGRAM_KILLED', `${message}; aborting`, { queue, id })
}

/**
 * Whether the next item would meet the same: no program can be started now, or no item can be moved. What is done to
 * an item that cannot leave queue/ is done again by the next scan.
 */
function concernsAll({ code, errno = '' }: FsqError): boolean {
  return code === 'FSQ_EXEC' || (code === 'FSQ_FINISH' && immovable.includes(errno))
}

/** To rename(2) EACCES is about the directories, never about the item. */
const immovable = ['EROFS', 'ENOSPC', 'EDQUOT', 'EXDEV', 'EIO', 'EACCES']
