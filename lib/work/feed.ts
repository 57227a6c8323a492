import { FsqError } from '../errors.js'
import { fromByteString, toByteString } from '../name/charset.js'
import { parseItemName } from '../name/item-name.js'
import { sortNames } from '../name/order.js'
import type { ClaimOptions } from '../queue/claim.js'
import type { QueueContext } from '../queue/context.js'
import { isDown } from '../queue/down.js'
import type { Item } from '../queue/item.js'
import { firstEntries, listEntries } from '../queue/list-entries.js'
import type { ScanEvent } from '../queue/scan-events.js'
import { takeEntry } from '../queue/take.js'
import { turn } from '../turn.js'
import { Early } from './early.js'
import type { KeyLimits } from './key-limits.js'

/*
 * The items of a queue as they can be worked on, oldest first. A pass goes through what is in queue/, a
 * window of names at a time, so that a queue of any size takes constant memory:
 *
 *   1. list the first names behind those of the last window
 *   2. of each that is neither worked on here, nor known to wait for its time, nor of a key that has
 *      enough work: claim it
 *   3. what inotify told meanwhile by name comes behind them, without another listing
 *
 * What others have locked is passed over: when they die, the next pass finds it.
 */

/** How many names that inotify told are held; a listing is less work than more of them. */
const mostFresh = 1000

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
  /** The limits that keys share, and the key of an item; undefined: it has none. */
  readonly keys?: KeyLimits | undefined
  readonly keyOf?: ((item: UnclaimedItem) => string | undefined) | undefined
  readonly onEvent: (event: ScanEvent) => void
}

/** An item to work on. */
export interface Fed {
  readonly item: Item
  readonly feed: Feed
  /** Its name as a byte string. */
  readonly entry: string
  readonly key: string | undefined
}

/** See above. */
export class Feed {
  readonly queue: QueueContext
  /** Whether the queue was down when it was last looked at. */
  down = false
  /** Whether the last look at it failed, and the one before that. */
  failing = false
  failedBefore = false
  readonly #options: FeedOptions
  /** What comes next: the names of the window, or those that inotify told. */
  #entries: string[] = []
  #position = 0
  /** Entries that were passed over before and may be taken now. */
  #ready: string[] = []
  #fresh: string[] = []
  #passIsDue = false
  /** The last name of the window, while names behind it are not listed yet. */
  #after: string | undefined
  /** Those whose mtime says so; what happens to one may change it. */
  readonly #early = new Early()
  /** Those that failed here and are to be tried later, whether or not their mtime could be set. */
  readonly #postponed = new Early()
  readonly #worked = new Set<string>()
  /** By their keys. */
  readonly #parked = new Map<string, Set<string>>()
  #parkedCount = 0
  #parkedWithoutName = false

  constructor(queue: QueueContext, options: FeedOptions) {
    this.queue = queue
    this.#options = options
  }

  /** Something came: that entry, or any. */
  wake(entry?: string): void {
    if (entry !== undefined) this.#early.forget(entry)
    if (entry === undefined || this.#fresh.length >= mostFresh) {
      this.#passIsDue = true
      this.#fresh = []
    } else if (!this.#passIsDue && !this.#worked.has(entry)) {
      this.#fresh.push(entry)
    }
  }

  /** A key has room again. */
  unpark(key: string): void {
    const parked = this.#parked.get(key)
    const [entry] = parked ?? []
    if (entry !== undefined) {
      parked?.delete(entry)
      if (parked?.size === 0) this.#parked.delete(key)
      this.#parkedCount--
      this.#ready.push(entry)
    } else if (this.#parkedWithoutName) {
      this.#parkedWithoutName = false
      this.#passIsDue = true
    }
  }

  /** Whether entries wait for a key to have room. */
  get hasParked(): boolean {
    return this.#parkedCount > 0 || this.#parkedWithoutName
  }

  /** Whether names are at hand that were not looked at yet. */
  get hasMore(): boolean {
    return this.#position < this.#entries.length || this.#after !== undefined || this.#passIsDue
  }

  /** The work on an item is over. */
  release({ entry, key }: Fed): void {
    this.#worked.delete(entry)
    if (key !== undefined) this.#options.keys?.release(key)
  }

  /** Does not look at an item before its time, though its mtime may not say so. */
  postpone(id: string, time: Date): void {
    this.#postponed.add(toByteString(id, this.queue.reading.charset), time.getTime())
  }

  /** When the time of the next item comes that waits for one, in milliseconds of the epoch. */
  get nextTime(): number | undefined {
    const times = [this.#early.next, this.#postponed.next].filter((time) => time !== undefined)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /**
   * The next item, if there is one that can be worked on now, and the queue is up.
   *
   * @throws what keeps the queue from being listed, or any item from being claimed.
   */
  async next(): Promise<Fed | undefined> {
    try {
      const fed = await this.#next()
      this.failing = false
      return fed
    } catch (error) {
      this.failedBefore = this.failing
      this.failing = true
      throw error
    }
  }

  async #next(): Promise<Fed | undefined> {
    const now = this.queue.clock.now()
    this.#ready.push(...this.#early.due(now), ...this.#postponed.due(now))
    for (;;) {
      await turn()
      if (this.#isDown()) return undefined
      const entry = this.#nextEntry()
      if (entry === undefined) return undefined
      if (this.#isKnown(entry)) continue
      const key = this.#keyOf(entry)
      if (key !== undefined && this.#parked.get(key)?.has(entry) === true) continue
      if (key !== undefined && this.#options.keys?.admit(key) === false) {
        this.#park(key, entry)
        continue
      }
      const item = await this.#take(entry, key)
      if (item === undefined) continue
      this.#worked.add(entry)
      return { item, feed: this, entry, key }
    }
  }

  /** Whether it is worked on here, or waits for its time. */
  #isKnown(entry: string): boolean {
    return this.#worked.has(entry) || this.#early.has(entry) || this.#postponed.has(entry)
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
      else if (result.skipped === 'early') this.#early.add(entry, result.notBefore)
    } catch (error) {
      this.#ready.push(entry) // It was not the entry's fault.
      throw error
    } finally {
      if (item === undefined && key !== undefined) keys?.release(key)
    }
    return item
  }

  #nextEntry(): string | undefined {
    const ready = this.#ready.shift()
    if (ready !== undefined) return ready
    while (this.#position >= this.#entries.length) if (!this.#refill()) return undefined
    return this.#entries[this.#position++]
  }

  /** False where there is nothing more. */
  #refill(): boolean {
    this.#position = 0
    if (this.#after !== undefined || this.#passIsDue) {
      const after = this.#after
      if (after === undefined) this.#passIsDue = false
      this.#entries = []
      try {
        this.#entries = this.#list(after)
      } catch (error) {
        this.#passIsDue = true
        this.#after = undefined
        throw error
      }
      this.#after = this.#entries.length === this.#options.window ? this.#entries.at(-1) : undefined
      return true
    }
    this.#entries = sortNames(this.#fresh)
    this.#fresh = []
    return this.#entries.length > 0
  }

  #list(after: string | undefined): string[] {
    const { window } = this.#options
    const directory = this.queue.paths.queue
    return window === Infinity
      ? listEntries(this.queue, directory)
      : firstEntries(this.queue, directory, window, after)
  }

  #park(key: string, entry: string): void {
    if (this.#parkedCount >= mostParked) {
      this.#parkedWithoutName = true
      return
    }
    const parked = this.#parked.get(key)
    if (parked === undefined) this.#parked.set(key, new Set([entry]))
    else parked.add(entry)
    this.#parkedCount++
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
