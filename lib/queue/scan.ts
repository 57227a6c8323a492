import { setTimeout } from 'node:timers/promises'
import { checkMembers } from '../members.js'
import { compareNames } from '../name/order.js'
import { Pace } from '../pace.js'
import { longestTimer } from '../timer.js'
import { turn } from '../turn.js'
import type { QueueContext } from './context.js'
import { downError, isDown } from './down.js'
import { checkQueue } from './failure.js'
import type { ClaimOptions } from './claim.js'
import { resolveLimits } from './finish.js'
import { entriesInParts } from './list-entries.js'
import { chosenQueues, hostChoice, type HostChoice } from './hosts.js'
import { checkGapTimeout, InOrder } from './in-order.js'
import type { Item } from './item.js'
import type { ScanEvent } from './scan-events.js'
import { takeEntry } from './take.js'

/*
 * Scan, fsq(7):
 *
 *   1. list queue/ once, in the order of enqueueing; of several host queues as if they were one
 *   2. now and before each item, stop if the queue is down; of several host queues, leave out those
 *      that are, and say so at the end; wait if the rate asks for it
 *   3. claim it (claim.ts); what is locked, gone, or waits for its time is left alone: go on
 *   4. move malformed entries and items that are expired or exhausted to fail/, and report them
 *   5. yield the item, locked
 */

/** How a queue is scanned. */
export interface ScanOptions extends HostChoice {
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
  /**
   * Yield the items in the order of their numbers ({@link EnqueueOptions.ordered}), each only when the one
   * before it is done, or failed permanently. The scan ends at a number that has not come, if items behind
   * it have: a `waiting` event says so; at an item that failed temporarily, that somebody works on, or
   * whose time has not come; and where an item was not finished before the next is asked for. One at a time
   * can scan, or work on, a queue in order.
   *
   * @defaultValue false
   */
  readonly ordered?: boolean
  /**
   * With `ordered`: for so many seconds an item that has not come is waited for, since its turn has come and
   * items behind it are there. Then its number is given up, and a `skipped` event says so.
   *
   * @defaultValue for ever
   */
  readonly gapTimeout?: number | undefined
  /** Is told of every entry that was not yielded although nobody else has it. */
  readonly onEvent?: (event: ScanEvent) => void
  /** Ends the scan with the signal's reason. */
  readonly signal?: AbortSignal
}

const scanOptions: ReadonlySet<string> = new Set<keyof ScanOptions>([
  ...hostChoice,
  'ignoreDown',
  'lock',
  'noOpen',
  'maxTries',
  'ttl',
  'maxRate',
  'limit',
  'ordered',
  'gapTimeout',
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
   * @throws {@link FsqError} `FSQ_DOWN` where the queue is, or goes, down, or at the end, where some of
   * several host queues were; `FSQ_NO_QUEUE`;
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
  checkGapTimeout(options.gapTimeout, options.ordered === true)
  signal?.throwIfAborted()
  const sources = chosenQueues(queue, options)
  // Work that could not be finished must not be begun.
  for (const source of sources) checkQueue(source, [source.paths.queue, source.paths.done])
  const gate = new DownGate(sources, options.ignoreDown === true)
  for (const source of sources) gate.isUp(source) // A queue that is down says so even when empty.
  /** Waits for the turn of the next item of a queue. False where that is down. */
  const mayTake: MayTake = (source) => {
    const isUp = (): boolean => {
      signal?.throwIfAborted()
      return gate.isUp(source)
    }
    const wait = pace.wait > 0 ? pause(pace, signal) : turn()
    return wait === undefined ? isUp() : wait.then(isUp)
  }
  const itemsOf = options.ordered === true ? orderedItems : listedItems
  let yielded = 0
  for await (const item of itemsOf(sources, options, claimOptions, mayTake)) {
    if (item === undefined) continue
    open.add(item)
    pace.taken()
    yield item
    if (++yielded === limit) break
  }
  gate.end()
  return undefined
}

type MayTake = (source: QueueContext) => boolean | Promise<boolean>

/** Those that are listed at the beginning; and what has to be waited for in between, which is no item. */
function* listedItems(
  sources: readonly QueueContext[],
  { limit = 0, onEvent }: ScanOptions,
  claimOptions: ClaimOptions,
  mayTake: MayTake,
): Generator<Item | Promise<undefined>, undefined> {
  for (const { source, entry } of inOrder(sources, limit)) {
    let may = mayTake(source)
    if (may instanceof Promise) {
      yield may.then((granted) => {
        may = granted
        return undefined
      })
    }
    if (may === false) continue
    const taken = takeEntry(source, entry, claimOptions, onEvent)
    if (taken instanceof Promise) yield taken.then(() => undefined)
    else if ('item' in taken) yield taken.item
  }
  return undefined
}

/** Those that come one after the other in the sequence of each queue. */
async function* orderedItems(
  sources: readonly QueueContext[],
  { gapTimeout, onEvent }: ScanOptions,
  claimOptions: ClaimOptions,
  mayTake: MayTake,
): AsyncGenerator<Item, undefined> {
  for (const source of sources) {
    const items = await InOrder.open(source, { gapTimeout, onEvent })
    try {
      while (await mayTake(source)) {
        const item = await items.take(claimOptions)
        if (item === undefined) break
        yield item
        if (item.outcome === undefined || item.outcome.state === 'queue') break
      }
    } finally {
      await items.close()
    }
  }
  return undefined
}

/** An entry of queue/, and whose. */
interface SourceEntry {
  readonly source: QueueContext
  readonly entry: string
}

/** The entries of all sources, in the order of enqueueing. */
function* inOrder(sources: readonly QueueContext[], limit: number): Generator<SourceEntry> {
  const [only] = sources
  if (only !== undefined && sources.length === 1) {
    for (const entry of entriesInParts(only, limit)) yield { source: only, entry }
    return
  }
  const heads: (SourceEntry & { readonly rest: Generator<string> })[] = []
  const push = (source: QueueContext, rest: Generator<string>): void => {
    const next = rest.next()
    if (next.done !== true) heads.push({ source, entry: next.value, rest })
  }
  for (const source of sources) push(source, entriesInParts(source, limit))
  while (heads.length > 0) {
    let first = 0
    for (let i = 1; i < heads.length; i++)
      if (compareNames(heads[i]?.entry ?? '', heads[first]?.entry ?? '') < 0) first = i
    const [head] = heads.splice(first, 1)
    if (head === undefined) return
    yield head
    push(head.source, head.rest)
  }
}

/** Keeps a scan from what is down. */
class DownGate {
  readonly #sources: readonly QueueContext[]
  readonly #ignores: boolean
  readonly #leftOut = new Set<QueueContext>()

  constructor(sources: readonly QueueContext[], ignores: boolean) {
    this.#sources = sources
    this.#ignores = ignores
  }

  /** False for one of several host queues that is down; throws `FSQ_DOWN` where nothing is left to scan. */
  isUp(source: QueueContext): boolean {
    if (this.#ignores || !isDown(source)) return true
    const { host } = source
    if (this.#sources.length === 1) throw downError([source])
    if (host !== undefined && isDown(host.queue)) throw downError([host.queue])
    this.#leftOut.add(source)
    return false
  }

  /** Throws `FSQ_DOWN` where something was left out. */
  end(): void {
    if (this.#leftOut.size > 0) throw downError([...this.#leftOut])
  }
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
