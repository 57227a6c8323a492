import { setTimeout } from 'node:timers/promises'
import { errnoOf, FsqError, reasonOf } from '../errors.js'
import { checkMembers } from '../members.js'
import { close } from '../posix/files.js'
import { turn } from '../turn.js'
import { type Claim, claimEntry, type ClaimOptions } from './claim.js'
import type { QueueContext } from './context.js'
import { isDown } from './down.js'
import { checkQueue, failure } from './failure.js'
import { resolveLimits, spent } from './finish.js'
import { firstEntries, listEntries } from './list-entries.js'
import type { Item } from './item.js'
import { setAsideMalformed } from './malformed.js'
import { printableName } from './printable.js'
import type { ItemEvent, ScanEvent } from './scan-events.js'

/*
 * Scan, fsq(7):
 *
 *   1. list queue/ once, in the order of enqueueing
 *   2. now and before each item, stop if the queue is down; wait if the rate asks for it
 *   3. claim it (claim.ts); what is locked, or gone, is somebody else's: go on
 *   4. move malformed entries and items that are expired or exhausted to fail/, and report them
 *   5. yield the item, locked
 */

/** How a queue is scanned. */
export interface ScanOptions {
  /** Scan although the queue is down. @defaultValue false */
  readonly ignoreDown?: boolean
  /** Lock each item; without, two scans may work on the same. @defaultValue FSQ_LOCK */
  readonly lock?: boolean
  /** Do not open items for reading; they are still locked. @defaultValue false */
  readonly noOpen?: boolean
  /** How often an item is tried before it fails permanently, 0 for ever. @defaultValue FSQ_MAX_TRIES */
  readonly maxTries?: number
  /** The age in seconds at which an item fails permanently, 0 for none. @defaultValue FSQ_TTL */
  readonly ttl?: number
  /** How many items a second to yield at most, 0 for any number. @defaultValue 0 */
  readonly maxRate?: number
  /**
   * How many items to yield at most, 0 for all. The scan of a large queue then starts sooner and
   * holds only some thousand names in memory.
   *
   * @defaultValue 0
   */
  readonly limit?: number
  /** Is told of every entry that was not yielded although nobody else has it. */
  readonly onEvent?: (event: ScanEvent) => void
  /** Ends the scan with the signal's reason. */
  readonly signal?: AbortSignal
}

const scanOptions: ReadonlySet<string> = new Set<keyof ScanOptions>([
  'ignoreDown',
  'lock',
  'noOpen',
  'maxTries',
  'ttl',
  'maxRate',
  'limit',
  'onEvent',
  'signal',
])

/**
 * The items of a queue, one after the other, each locked until it is finished or closed. Leaving
 * the loop early, or disposing of the scan, closes every item that it yielded and that is neither;
 * reaching the end closes none.
 */
export class Scan implements AsyncIterableIterator<Item>, AsyncDisposable {
  readonly #items: AsyncGenerator<Item, undefined>
  readonly #open = new Set<Item>()
  readonly #end = new AbortController()

  /** @internal */
  constructor(queue: QueueContext, options: ScanOptions) {
    const end = this.#end.signal
    const signal = options.signal ? AbortSignal.any([options.signal, end]) : end
    this.#items = scanItems(queue, { ...options, signal }, this.#open)
  }

  /**
   * The next item.
   *
   * @throws {@link FsqError} `FSQ_DOWN` where the queue is, or goes, down; `FSQ_NO_QUEUE`;
   * `FSQ_SCAN` where the queue cannot be listed.
   */
  async next(): Promise<IteratorResult<Item, undefined>> {
    try {
      const result = await this.#items.next()
      if (!this.#end.signal.aborted) return result
      result.value?.close() // It came after the end that somebody else put to the scan.
    } catch (error) {
      if (!this.#end.signal.aborted) throw error
    }
    return { done: true, value: undefined }
  }

  /** Ends the scan and closes the items that are still open. */
  async return(): Promise<IteratorResult<Item, undefined>> {
    this.#end.abort()
    for (const item of this.#open) item.close()
    return this.#items.return(undefined)
  }

  /** {@link return}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** The scan itself. */
  [Symbol.asyncIterator](): this {
    return this
  }
}

/** How many names a scan with a limit lists at a time, at least: some may be somebody else's. */
const window = 1000

async function* scanItems(
  queue: QueueContext,
  options: ScanOptions,
  open: Set<Item>,
): AsyncGenerator<Item, undefined> {
  const { settings } = queue
  checkMembers('an option of scan', options, scanOptions)
  const { maxRate = 0, limit = 0, signal } = options
  if (!(maxRate >= 0)) throw new TypeError(`Expected \`maxRate\` to be 0 or more, got ${maxRate}`)
  if (!Number.isSafeInteger(limit) || limit < 0)
    throw new TypeError(`Expected \`limit\` to be a whole number, got ${limit}`)
  const limits = resolveLimits(options, settings)
  const claimOptions = {
    lock: options.lock ?? settings.lock,
    open: options.noOpen !== true,
    limits,
    onClose: (item: Item) => open.delete(item),
  }
  const pause = pacer(maxRate, signal)
  signal?.throwIfAborted()
  // Work that could not be finished must not be begun.
  checkQueue(queue, [queue.paths.queue, queue.paths.done])
  let yielded = 0
  for (const entries of listings(queue, limit)) {
    if (options.ignoreDown !== true) checkUp(queue) // A queue that is down says so even when empty.
    for (const entry of entries) {
      await (maxRate > 0 ? pause() : turn())
      signal?.throwIfAborted()
      if (options.ignoreDown !== true) checkUp(queue)
      const taken = claimOrReport(queue, entry, claimOptions, options)
      const item = taken instanceof Promise ? await taken : taken
      if (item === undefined) continue
      open.add(item)
      pause.taken()
      yield item
      if (++yielded === limit) return undefined
    }
  }
  return undefined
}

/** The entries of queue/, at once or, with a limit, in parts. */
function* listings(queue: QueueContext, limit: number): Generator<string[]> {
  const directory = queue.paths.queue
  if (limit === 0) {
    yield listEntries(queue, directory)
    return
  }
  const most = Math.max(limit, window)
  let entries: string[] = []
  do {
    entries = firstEntries(queue, directory, most, entries.at(-1))
    yield entries
  } while (entries.length === most)
}

function checkUp(queue: QueueContext): void {
  if (isDown(queue)) throw new FsqError('FSQ_DOWN', `${queue.name} is down`, { queue: queue.name })
}

/**
 * The item, claimed; or nothing, once what else is to be done with the entry is done and reported.
 * Only that takes time: an ordinary claim waits for nobody.
 */
function claimOrReport(
  queue: QueueContext,
  entry: string,
  claimOptions: ClaimOptions,
  { onEvent }: ScanOptions,
): Item | undefined | Promise<Item | undefined> {
  const about = (): ItemEvent => ({
    queue: queue.name,
    id: printableName(entry, queue.reading.charset),
  })
  try {
    const claim = claimEntry(queue, entry, claimOptions)
    if ('skipped' in claim) return undefined
    if ('malformed' in claim) return reporting(setAside(claim))
    const error = spent(claim.item, claimOptions.limits)
    return error === undefined ? claim.item : reporting(failSpent(claim.item, error))
  } catch (error) {
    reportError(error)
    return undefined
  }

  async function reporting(action: Promise<void>): Promise<undefined> {
    await action.catch(reportError)
    return undefined
  }

  async function setAside({
    malformed,
    fd,
  }: Extract<Claim, { malformed: unknown }>): Promise<void> {
    try {
      if (await setAsideMalformed(queue, entry))
        onEvent?.({ ...about(), type: 'malformed', error: malformed })
    } finally {
      if (fd !== undefined) close(fd)
    }
  }

  async function failSpent(item: Item, error: FsqError): Promise<void> {
    try {
      const outcome = await item.failPerm()
      const type = error.code === 'FSQ_MAX_TRIES' ? 'exhausted' : 'expired'
      onEvent?.({ ...about(), type, error, outcome })
    } finally {
      item.close()
    }
  }

  /** One bad entry must not keep the others from being worked on. */
  function reportError(error: unknown): void {
    if (isAboutProcess(error)) throw failure('FSQ_SCAN', `cannot scan ${queue.name}`, error, queue)
    const { id } = about()
    const message = `cannot use item ${id} of ${queue.name}: ${reasonOf(error)}`
    const reported =
      error instanceof FsqError ? error : new FsqError('FSQ_SCAN', message, { cause: error, id })
    onEvent?.({ ...about(), type: 'error', error: reported })
  }
}

/** Failures that the next item would meet as well. */
function isAboutProcess(error: unknown): boolean {
  if (error instanceof FsqError) return error.code === 'FSQ_UNSUPPORTED' || error.code === 'FSQ_ENV'
  const errno = errnoOf(error)
  return errno === undefined || ['EMFILE', 'ENFILE', 'ENOMEM'].includes(errno)
}

/** Waits so long that no more than `maxRate` items are taken a second, evenly spread. */
function pacer(
  maxRate: number,
  signal: AbortSignal | undefined,
): (() => Promise<void>) & { taken: () => void } {
  let due = 0
  const pause = async (): Promise<void> => {
    const wait = due - performance.now()
    if (wait <= 0) return
    const options = signal === undefined ? {} : { signal }
    // An abort rejects with an error around the signal's reason; the caller is told the reason.
    await setTimeout(wait, undefined, options).catch(() => signal?.throwIfAborted())
  }
  return Object.assign(pause, {
    taken: () => {
      if (maxRate > 0) due = Math.max(due, performance.now()) + 1000 / maxRate
    },
  })
}
