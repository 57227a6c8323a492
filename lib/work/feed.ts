import { FsqError } from '../errors.js'
import { fromByteString, toByteString } from '../name/charset.js'
import { parseItemName } from '../name/item-name.js'
import type { ClaimOptions } from '../queue/claim.js'
import type { QueueContext } from '../queue/context.js'
import { isDown } from '../queue/down.js'
import type { Item } from '../queue/item.js'
import type { ScanEvent } from '../queue/scan-events.js'
import { takeEntry } from '../queue/take.js'
import { turn } from '../turn.js'
import type { KeyLimits } from './key-limits.js'
import { Listing } from './listing.js'
import { Parked } from './parked.js'
import { Waiting } from './waiting.js'

/*
 * The items of a queue as they can be worked on, oldest first. A pass goes through what is in queue/, a
 * window of names at a time, so that a queue of any size takes constant memory:
 *
 *   1. list the first names behind those of the last window, without those that are known to wait for
 *      their time, or for room for their key
 *   2. of each that is neither worked on here nor of a key that has enough work: claim it
 *   3. what inotify told meanwhile by name comes behind them, without another listing
 *
 * What others have locked is passed over: when they die, the next pass finds it.
 */

/** How many entries of keys that have enough work are remembered. */
const mostParked = 10_000

/** What can be said of an item before it is claimed. */
export type UnclaimedItem = Pick<
  Item,
  'id' | 'queue' | 'arguments' | 'tries' | 'enqueuedAt' | 'hostname' | 'pid'
>

/** How a queue feeds work. */
export interface FeedOptions {
  readonly claim: ClaimOptions
  readonly ignoreDown: boolean
  /** How many names are held at a time; Infinity: all, so that a pass is one listing. */
  readonly window: number
  /** Whether the queue is gone through once, so that no item is met twice. @defaultValue false */
  readonly once?: boolean
  /** The limits that keys share, and the key of an item; undefined: it has none. */
  readonly keys?: KeyLimits | undefined
  readonly keyOf?: ((item: UnclaimedItem) => string | undefined) | undefined
  readonly onEvent: (event: ScanEvent) => void
}

/** The items of a queue as they can be worked on. */
export interface ItemFeed {
  readonly queue: QueueContext
  /** Whether the queue was down when it was last looked at. */
  readonly down: boolean
  /** Whether the last look at it failed. */
  readonly failing: boolean
  /** The same of the one before that. */
  readonly failedBefore: boolean
  /** Whether it was ever looked at. */
  readonly hasLooked: boolean
  /** Something came: that entry, or any. */
  wake(entry?: string): void
  /** The same, and what waits may have changed although nobody told: looks at all of that, too. */
  sweep(): void
  /** A key has room again. */
  unpark(key: string): void
  /** Whether entries wait for a key to have room. */
  readonly hasParked: boolean
  /** Whether it has not yet looked at all that a sweep has to; {@link next} goes on with it. */
  readonly isLooking: boolean
  /** Whether names are at hand that were not looked at yet. */
  readonly hasMore: boolean
  /** The work on an item is over. */
  release(fed: Fed): void
  /** Does not look at an item before that time, though its mtime may not say so. */
  postpone(id: string, time: Date): void
  /** When the time of the next item comes that waits for one, in milliseconds of the epoch. */
  readonly nextTime: number | undefined
  /**
   * The next item, if there is one that can be worked on now, and the queue is up.
   *
   * @throws what keeps the queue from being listed, or any item from being claimed.
   */
  next(): Promise<Fed | undefined>
  /** Nothing is asked for any more, and no item is worked on. */
  close(): Promise<void>
}

/** An item to work on. */
export interface Fed {
  readonly item: Item
  readonly feed: ItemFeed
  /** Its name as a byte string. */
  readonly entry: string
  readonly key: string | undefined
}

/** See above. */
export class Feed implements ItemFeed {
  readonly queue: QueueContext
  down = false
  failing = false
  failedBefore = false
  hasLooked = false
  readonly #options: FeedOptions
  /** Entries that could not be claimed through no fault of theirs. */
  readonly #ready: string[] = []
  readonly #worked = new Set<string>()
  /** Those of them to which something happened meanwhile: the name may be another item's by now. */
  readonly #changed = new Set<string>()
  readonly #listing: Listing
  readonly #waiting: Waiting
  readonly #parked: Parked

  constructor(queue: QueueContext, options: FeedOptions) {
    this.queue = queue
    this.#options = options
    const { keys, window, once = false } = options
    this.#listing = new Listing(queue, window, (entry) => this.#waits(entry))
    this.#waiting = new Waiting(queue)
    // Who goes through a queue once does not list it again: what failed meanwhile would be met for a second time.
    this.#parked = new Parked(once ? Infinity : mostParked, (key) => keys?.admit(key) !== false)
  }

  wake(entry?: string): void {
    if (entry === undefined) {
      this.#listing.listAgain()
      return
    }
    this.#waiting.wake(entry)
    if (this.#worked.has(entry)) this.#changed.add(entry)
    else this.#listing.tell(entry)
  }

  sweep(): void {
    this.wake()
    this.#waiting.doubt()
  }

  unpark(key: string): void {
    if (this.#parked.free(key)) this.#listing.listAgain()
  }

  get hasParked(): boolean {
    return this.#parked.hasAny
  }

  get isLooking(): boolean {
    return this.#waiting.isDoubted && !this.down && !this.failing
  }

  get hasMore(): boolean {
    return this.#listing.hasMore
  }

  release({ entry, key }: Fed): void {
    this.#worked.delete(entry)
    if (this.#changed.delete(entry)) this.wake(entry) // Mostly it is gone: that was its end.
    if (key !== undefined) this.#options.keys?.release(key)
  }

  postpone(id: string, time: Date): void {
    this.#waiting.postpone(toByteString(id, this.queue.reading.charset), time.getTime())
  }

  get nextTime(): number | undefined {
    if (this.down || this.failing) return undefined // It is looked at when it is up, or swept.
    return this.#waiting.next
  }

  async next(): Promise<Fed | undefined> {
    try {
      const fed = await this.#next()
      this.failing = false
      this.hasLooked = true
      return fed
    } catch (error) {
      this.failedBefore = this.failing
      this.failing = true
      throw error
    }
  }

  async close(): Promise<void> {
    // It holds nothing.
  }

  async #next(): Promise<Fed | undefined> {
    for (;;) {
      await turn()
      if (this.#isDown()) return undefined
      const parked = this.#parked.next()
      if (parked !== undefined) this.unpark(parked.key) // Behind the last in line are those that are not remembered.
      const entry = parked?.entry ?? this.#nextEntry()
      if (entry === undefined) return undefined
      const admitted = parked ?? this.#admitted(entry)
      if (admitted === undefined) continue
      const { key } = admitted
      const item = await this.#take(entry, key)
      if (item === undefined) continue
      this.#worked.add(entry)
      return { item, feed: this, entry, key }
    }
  }

  #nextEntry(): string | undefined {
    return (
      this.#ready.shift() ?? this.#waiting.due() ?? this.#listing.next() ?? this.#waiting.changed()
    )
  }

  /** An entry that may be worked on now, and its key. */
  #admitted(entry: string): { readonly key: string | undefined } | undefined {
    if (this.#worked.has(entry)) this.#changed.add(entry)
    if (this.#worked.has(entry) || this.#waits(entry)) return undefined
    const key = this.#keyOf(entry)
    if (key === undefined) return { key }
    return this.#parked.admitOrPark({ entry, key }) ? { key } : undefined
  }

  /** Whether it is known to wait, for its time or for room for its key. */
  #waits(entry: string): boolean {
    return this.#waiting.has(entry) || this.#parked.has(entry)
  }

  #isDown(): boolean {
    this.down = !this.#options.ignoreDown && isDown(this.queue)
    return this.down
  }

  async #take(entry: string, key: string | undefined): Promise<Item | undefined> {
    const { claim, onEvent, keys } = this.#options
    let item: Item | undefined
    try {
      const taken = takeEntry(this.queue, entry, claim, onEvent)
      const result = taken instanceof Promise ? await taken : taken
      if ('item' in result) item = result.item
      else if (result.skipped === 'early') this.#waiting.add(entry, result.notBefore)
    } catch (error) {
      this.#ready.push(entry) // It was not the entry's fault.
      throw error
    } finally {
      if (key !== undefined && item === undefined) keys?.cancel(key)
      if (key !== undefined && item !== undefined) keys?.began(key)
    }
    return item
  }

  #keyOf(entry: string): string | undefined {
    const { keyOf } = this.#options
    if (keyOf === undefined) return undefined
    const { reading, name: queue } = this.queue
    try {
      const id = fromByteString(entry, reading.charset)
      return keyOf({ id, queue, ...parseItemName(id, reading) })
    } catch (error) {
      if (error instanceof FsqError) return undefined // Whoever takes it will say what is wrong.
      throw error
    }
  }
}
