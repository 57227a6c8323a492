import { sortNames } from '../name/order.js'
import type { QueueContext } from '../queue/context.js'
import { checkQueue } from '../queue/failure.js'
import { firstEntries, listEntries } from '../queue/list-entries.js'

/** How many names that were told are held; a listing is less work than more of them. */
const mostTold = 1000

/** The names in queue/, a window at a time, and behind them those that were told meanwhile. */
export class Listing {
  readonly #queue: QueueContext
  readonly #window: number
  readonly #skip: (entry: string) => boolean
  /** What comes next: the names of the window, or those that were told. */
  #entries: string[] = []
  #position = 0
  #told: string[] = []
  #isDue = false
  /** The last name of the window, while names behind it are not listed yet. */
  #after: string | undefined

  /**
   * @param window - how many names are held at a time; Infinity: all
   * @param skip - whether an entry need not be listed
   */
  constructor(queue: QueueContext, window: number, skip: (entry: string) => boolean) {
    this.#queue = queue
    this.#window = window
    this.#skip = skip
  }

  /** That entry is in queue/. */
  tell(entry: string): void {
    if (this.#told.length >= mostTold) this.listAgain()
    else if (!this.#isDue) this.#told.push(entry)
  }

  /** Lists queue/ from its beginning, once the names at hand were looked at. */
  listAgain(): void {
    this.#isDue = true
    this.#told = []
  }

  /** Whether names are at hand, or are to be listed. */
  get hasMore(): boolean {
    return this.#position < this.#entries.length || this.#after !== undefined || this.#isDue
  }

  /**
   * The next name.
   *
   * @throws {@link FsqError} `FSQ_NO_QUEUE`, `FSQ_SCAN`; then it is to be listed still.
   */
  next(): string | undefined {
    while (this.#position >= this.#entries.length) if (!this.#refill()) return undefined
    return this.#entries[this.#position++]
  }

  /** False where there is nothing more. */
  #refill(): boolean {
    this.#position = 0
    if (this.#after !== undefined || this.#isDue) {
      const after = this.#after
      if (after === undefined) this.#isDue = false
      this.#entries = []
      try {
        this.#entries = this.#list(after)
      } catch (error) {
        this.#isDue = true
        this.#after = undefined
        throw error
      }
      this.#after = this.#entries.length === this.#window ? this.#entries.at(-1) : undefined
      return true
    }
    this.#entries = sortNames(this.#told)
    this.#told = []
    return this.#entries.length > 0
  }

  #list(after: string | undefined): string[] {
    const { queue: directory, done } = this.#queue.paths
    checkQueue(this.#queue, [directory, done]) // Work that could not be finished must not be begun.
    return this.#window === Infinity
      ? listEntries(this.#queue, directory)
      : firstEntries(this.#queue, directory, this.#window, after, this.#skip)
  }
}
