import { toByteString } from '../name/charset.js'
import type { QueueContext } from '../queue/context.js'
import { isDown } from '../queue/down.js'
import { checkQueue } from '../queue/failure.js'
import { InOrder } from '../queue/in-order.js'
import type { Item } from '../queue/item.js'
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
  /** Until when nothing is to be taken, in milliseconds of the epoch. */
  #until: number | undefined

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

  /** It is the next one, and so nothing else is to be taken either. */
  postpone(_id: string, time: Date): void {
    this.#until = time.getTime()
  }

  get nextTime(): number | undefined {
    if (this.down || this.failing) return undefined
    return this.#until ?? this.#items?.nextTime
  }

  async next(): Promise<Fed | undefined> {
    await turn()
    const now = this.queue.clock.now()
    if (this.#until !== undefined && this.#until <= now) this.#isDue = true
    if ((this.#items?.nextTime ?? Infinity) <= now) this.#isDue = true
    if (!this.#isDue || this.#isOver || this.#items?.isBusy === true) return undefined
    if (this.#until !== undefined && this.#until > now) return undefined
    this.#isDue = false
    this.#until = undefined
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
