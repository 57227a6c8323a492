import { setTimeout } from 'node:timers/promises'
import { FsqError } from '../errors.js'
import { checkMembers } from '../members.js'
import { Pace } from '../pace.js'
import { longestTimer } from '../timer.js'
import { turn } from '../turn.js'
import type { QueueContext } from './context.js'
import { isDown } from './down.js'
import { checkQueue } from './failure.js'
import { resolveLimits } from './finish.js'
import { firstEntries, listEntries } from './list-entries.js'
import type { Item } from './item.js'
import type { ScanEvent } from './scan-events.js'
import { takeEntry } from './take.js'

/*
 * Scan, fsq(7):
 *
 *   1. list queue/ once, in the order of enqueueing
 *   2. now and before each item, stop if the queue is down; wait if the rate asks for it
 *   3. claim it (claim.ts); what is locked, gone, or waits for its time is left alone: go on
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
  const pace = new Pace(maxRate)
  signal?.throwIfAborted()
  // Work that could not be finished must not be begun.
  checkQueue(queue, [queue.paths.queue, queue.paths.done])
  let yielded = 0
  for (const entries of listings(queue, limit)) {
    if (options.ignoreDown !== true) checkUp(queue) // A queue that is down says so even when empty.
    for (const entry of entries) {
      if (pace.wait > 0) await pause(pace, signal)
      else await turn()
      signal?.throwIfAborted()
      if (options.ignoreDown !== true) checkUp(queue)
      const claim = takeEntry(queue, entry, claimOptions, options.onEvent)
      const taken = claim instanceof Promise ? await claim : claim
      if ('skipped' in taken) continue
      const { item } = taken
      open.add(item)
      pace.taken()
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

/** Waits for its turn; an abort rejects with the signal's reason. */
async function pause(pace: Pace, signal: AbortSignal | undefined): Promise<void> {
  const options = signal === undefined ? {} : { signal }
  while (pace.wait > 0) {
    // An abort rejects with an error around the signal's reason; the caller is told the reason.
    await setTimeout(Math.min(pace.wait, longestTimer), undefined, options).catch(() =>
      signal?.throwIfAborted(),
    )
  }
}
