import { toByteString } from '../name/charset.js'
import { statEntry } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { QueueContext } from '../queue/context.js'
import { isDown } from '../queue/down.js'
import { checkQueue } from '../queue/failure.js'
import { InOrder } from '../queue/in-order.js'
import type { Item } from '../queue/item.js'
import { entryNotBefore } from '../queue/not-before.js'
import { turn } from '../turn.js'
import type { Fed, FeedOptions, ItemFeed } from './feed.js'

/** How a queue feeds work in order. */
export interface OrderedFeedOptions extends Pick<FeedOptions, 'claim' | 'ignoreDown' | 'onEvent'> {
  readonly gapTimeout: number | undefined
  /** Whether an item that is to be tried again ends it. */
  readonly once: boolean
}

/**
 * The items of a queue in the order of their numbers, each once the one before it is finished. Where
 * somebody else works on the queue in order, this one stands by: each look tries to take over.
 */
export class OrderedFeed implements ItemFeed {
  readonly queue: QueueContext
  down = false
  failing = false
  failedBefore = false
  hasLooked = false
  readonly hasParked = false
  readonly isLooking = false
  readonly hasMore = false
  readonly #options: OrderedFeedOptions
  #items: InOrder | undefined
  /** Whether there may be something to take. */
  #isDue = false
  #isOver = false
  /** The next item, where it is to wait and its mtime does not say so; in milliseconds of the epoch. */
  #held: { readonly entry: string; readonly until: number } | undefined

  constructor(queue: QueueContext, options: OrderedFeedOptions) {
    this.queue = queue
    this.#options = options
  }

  wake(entry?: string): void {
    if (entry === undefined) this.#items?.listAgain()
    else this.#items?.tell(entry)
    this.#isDue = true
  }

  sweep(): void {
    this.wake()
  }

  unpark(): void {
    // No item has a key.
  }

  release({ item }: Fed): void {
    this.#isDue = true
    const { outcome } = item
    const isFinished = outcome?.state === 'done' || outcome?.state === 'fail'
    if (this.#options.once && !isFinished) this.#isOver = true
  }

  /** Where the mtime of the item says so too, that counts: whoever claims it finds out ({@link Waiting}). */
  postpone(id: string, time: Date): void {
    const entry = toByteString(id, this.queue.reading.charset)
    if (entryNotBefore(this.queue, entry) === undefined)
      this.#held = { entry, until: time.getTime() }
  }

  get nextTime(): number | undefined {
    if (this.down || this.failing) return undefined
    return this.#held?.until ?? this.#items?.nextTime
  }

  async next(): Promise<Fed | undefined> {
    await turn()
    const now = this.queue.clock.now()
    if ((this.nextTime ?? Infinity) <= now) this.#isDue = true
    if (!this.#isDue || this.#isOver || this.#items?.isBusy === true) return undefined
    if (this.#isHeld(now)) return undefined
    this.#isDue = false
    this.#held = undefined
    try {
      const item = await this.#take()
      this.failing = false
      this.hasLooked = true
      if (item === undefined) return undefined
      return {
        item,
        feed: this,
        entry: toByteString(item.id, this.queue.reading.charset),
        key: undefined,
      }
    } catch (error) {
      this.failedBefore = this.failing
      this.failing = true
      throw error
    }
  }

  async close(): Promise<void> {
    const items = this.#items
    this.#items = undefined
    await items?.close()
  }

  /** Whether the next item is held still: not where somebody has finished or moved it. */
  #isHeld(now: number): boolean {
    if (this.#held === undefined || this.#held.until <= now) return false
    return statEntry(entryPath(this.queue.paths.queue, this.#held.entry)) !== undefined
  }

  async #take(): Promise<Item | undefined> {
    const { queue, done } = this.queue.paths
    checkQueue(this.queue, [queue, done]) // Work that could not be finished must not be begun.
    this.down = !this.#options.ignoreDown && isDown(this.queue)
    if (this.down) return undefined
    const { gapTimeout, onEvent, claim } = this.#options
    this.#items ??= await InOrder.open(this.queue, { gapTimeout, onEvent })
    return this.#items.take(claim)
  }
}
