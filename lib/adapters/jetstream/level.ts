import { listNames } from '../../posix/names.js'
import type { QueueContext } from '../../queue/context.js'
import { failure } from '../../queue/failure.js'

/** So long a count is good for, in milliseconds, where it says that there is too little room. */
const good = 20

/**
 * How many items a queue holds, at most: those that leave it are noticed when it matters, since to count
 * takes a listing.
 */
export class Level {
  readonly #queue: QueueContext
  #count = Infinity
  #at = -Infinity

  constructor(queue: QueueContext) {
    this.#queue = queue
  }

  /** An item came. */
  add(): void {
    this.#count++
  }

  /**
   * How many there may be, counted anew if that is more than `enough`.
   *
   * @throws `FsqError` `FSQ_SCAN`, `FSQ_NO_QUEUE`
   */
  atMost(enough: number): number {
    const now = performance.now()
    if (this.#count <= enough || now - this.#at < good) return this.#count
    try {
      this.#count = listNames(this.#queue.paths.queue).length
    } catch (error) {
      throw failure('FSQ_SCAN', `cannot list ${this.#queue.name}`, error, this.#queue)
    }
    this.#at = now
    return this.#count
  }
}
