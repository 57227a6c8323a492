import type { QueueContext } from '../queue/context.js'
import { entryNotBefore } from '../queue/not-before.js'
import { Early } from './early.js'

/** How many are looked at again before somebody else has a turn. */
const slice = 500

/**
 * The entries of a queue that wait for their time.
 *
 * Mostly their mtime says so, and that may be changed, by touch(1) for one. inotify tells of it at once, so
 * that they cost nothing there; for those who listen to a trigger, each sweep looks at the mtimes of all
 * that wait. That is one lstat(2) for each, which takes microseconds, in slices behind other work.
 */
export class Waiting {
  readonly #queue: QueueContext
  /** Those whose mtime says so. */
  readonly #early = new Early()
  /** Those whose mtime does not say so: nothing that happens to them lets them come sooner. */
  readonly #held = new Early()
  /** The early ones that are still to be looked at again. */
  #doubted: Iterator<string, undefined> | undefined

  constructor(queue: QueueContext) {
    this.#queue = queue
  }

  /** Whether an entry is known to wait. */
  has(entry: string): boolean {
    return this.#early.has(entry) || this.#held.has(entry)
  }

  /** The mtime of the entry says that it waits. */
  add(entry: string, time: number): void {
    this.#early.add(entry, time)
  }

  /**
   * The entry is to wait. If its mtime says so too, that counts. Else it is another user's, or the item
   * could not be finished: then it is held, or it would be worked on again and again.
   */
  postpone(entry: string, time: number): void {
    const early = entryNotBefore(this.#queue, entry)
    if (early === undefined) this.#held.add(entry, time)
    else this.#early.add(entry, early)
  }

  /** Something happened to the entry: its mtime may be another. */
  wake(entry: string): void {
    this.#early.forget(entry)
  }

  /** Any mtime may be another. One look at all is not begun anew before it is over. */
  doubt(): void {
    this.#doubted ??= this.#early.entries()
  }

  /** Whether there are some that {@link changed} has still to look at. */
  get isDoubted(): boolean {
    return this.#doubted !== undefined
  }

  /** Looks at the next few of those that are doubted, for one that does not wait any more. */
  changed(): string | undefined {
    for (let i = 0; i < slice && this.#doubted !== undefined; i++) {
      const { value: entry } = this.#doubted.next()
      if (entry === undefined) {
        this.#doubted = undefined
        break
      }
      const time = entryNotBefore(this.#queue, entry)
      if (time === undefined) {
        this.#early.forget(entry)
        return entry
      }
      this.#early.add(entry, time)
    }
    return undefined
  }

  /** When the next time comes, in milliseconds of the epoch, if one does. */
  get next(): number | undefined {
    const times = [this.#early.next, this.#held.next].filter((time) => time !== undefined)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** An entry whose time has come; it is not remembered any more. */
  due(): string | undefined {
    const now = this.#queue.clock.now()
    return this.#early.due(now) ?? this.#held.due(now)
  }
}
