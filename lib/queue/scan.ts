import { setImmediate, setTimeout } from 'node:timers/promises'
import { errnoOf, FsqError, reasonOf } from '../errors.js'
import { close } from '../posix/files.js'
import { claimEntry } from './claim.js'
import type { QueueContext } from './context.js'
import { isDown } from './down.js'
import { failure } from './failure.js'
import { type Outcome, resolveLimits, spent } from './finish.js'
import { listEntries } from './list-entries.js'
import type { Item } from './item.js'
import { setAsideMalformed } from './malformed.js'
import { printableName } from './printable.js'

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
  /** Is told of every entry that was not yielded although nobody else has it. */
  readonly onEvent?: (event: ScanEvent) => void
  /** Ends the scan with the signal's reason. */
  readonly signal?: AbortSignal
}

/** What every event tells. */
export interface ItemEvent {
  /** The queue. */
  readonly queue: string
  /** The name of the item; with \\xNN for bytes that are not text. */
  readonly id: string
}

/** An entry was no work-item; it is in fail/ now. */
export interface MalformedEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'malformed'
  /** What is wrong with it. */
  readonly error: FsqError
}

/** An item had used up its tries, or was too old; it is in fail/ now. */
export interface SpentEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'exhausted' | 'expired'
  /** `FSQ_MAX_TRIES` or `FSQ_TTL_EXPIRED` */
  readonly error: FsqError
  /** Where it is. */
  readonly outcome: Outcome
}

/** An entry could not be opened, moved to fail/ or finished; it is still in queue/, or gone. */
export interface ItemErrorEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'error'
  /** Why. */
  readonly error: FsqError
}

/** Something that a scan did instead of yielding an entry. */
export type ScanEvent = MalformedEvent | SpentEvent | ItemErrorEvent

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

/** After so many entries that were not yielded, let other work of this process have a turn. */
const turn = 256

async function* scanItems(
  queue: QueueContext,
  options: ScanOptions,
  open: Set<Item>,
): AsyncGenerator<Item, undefined> {
  const { settings } = queue
  const { maxRate = 0, signal } = options
  if (!(maxRate >= 0)) throw new TypeError(`Expected \`maxRate\` to be 0 or more, got ${maxRate}`)
  const limits = resolveLimits(options, settings)
  const claimOptions = {
    lock: options.lock ?? settings.lock,
    open: options.noOpen !== true,
    limits,
    onClose: (item: Item) => open.delete(item),
  }
  const pause = pacer(maxRate, signal)
  signal?.throwIfAborted()
  let skipped = 0
  const entries = listEntries(queue, queue.paths.queue)
  if (options.ignoreDown !== true) checkUp(queue) // A queue that is down says so even when empty.
  for (const entry of entries) {
    await pause()
    signal?.throwIfAborted()
    if (options.ignoreDown !== true) checkUp(queue)
    const item = await claimOrReport(queue, entry, claimOptions, options)
    if (item === undefined) {
      if (++skipped % turn === 0) await setImmediate()
      continue
    }
    open.add(item)
    pause.taken()
    yield item
  }
  return undefined
}

function checkUp(queue: QueueContext): void {
  if (isDown(queue)) throw new FsqError('FSQ_DOWN', `${queue.name} is down`, { queue: queue.name })
}

async function claimOrReport(
  queue: QueueContext,
  entry: string,
  claimOptions: Parameters<typeof claimEntry>[2],
  { onEvent }: ScanOptions,
): Promise<Item | undefined> {
  const id = printableName(entry, queue.reading.charset)
  const report = (type: 'malformed' | 'error', error: FsqError): void => {
    onEvent?.({ type, queue: queue.name, id, error })
  }
  try {
    const claim = claimEntry(queue, entry, claimOptions)
    if ('skipped' in claim) return undefined
    if ('malformed' in claim) {
      try {
        if (await setAsideMalformed(queue, entry)) report('malformed', claim.malformed)
      } finally {
        if (claim.fd !== undefined) close(claim.fd)
      }
      return undefined
    }
    const { item } = claim
    const error = spent(item, claimOptions.limits)
    if (error === undefined) return item
    try {
      const outcome = await item.failPerm()
      const type = error.code === 'FSQ_MAX_TRIES' ? 'exhausted' : 'expired'
      onEvent?.({ type, queue: queue.name, id, error, outcome })
    } finally {
      item.close()
    }
  } catch (error) {
    if (isAboutProcess(error)) throw failure('FSQ_SCAN', `cannot scan ${queue.name}`, error, queue)
    // One bad entry must not keep the others from being worked on.
    const message = `cannot use item ${id} of ${queue.name}: ${reasonOf(error)}`
    report(
      'error',
      error instanceof FsqError ? error : new FsqError('FSQ_SCAN', message, { cause: error, id }),
    )
  }
  return undefined
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
