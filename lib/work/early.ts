import TinyQueue from 'tinyqueue'

/** How many are remembered. Those beyond are looked at again in each listing. */
const most = 100_000

/** How many times that no longer hold may be kept, beside one for each entry. */
const mostStale = 1000

interface Waiting {
  readonly entry: string
  readonly time: number
}

/**
 * The entries whose time has not come: a listing need not look at them again, which would cost two
 * system calls for each, however long they wait.
 */
export class Early {
  readonly #times = new Map<string, number>()
  /** By their times; also some that do not hold any more, since a heap finds only its first. */
  #queue = emptyQueue()

  /** Remembers an entry until that time, in milliseconds of the epoch. */
  add(entry: string, time: number): void {
    const known = this.#times.get(entry)
    if (known === time || (known === undefined && this.#times.size >= most)) return
    this.#times.set(entry, time)
    this.#queue.push({ entry, time })
    if (this.#queue.length > 2 * this.#times.size + mostStale) this.#rebuild()
  }

  /** Whether an entry is known to wait. */
  has(entry: string): boolean {
    return this.#times.has(entry)
  }

  /** Something happened to the entry: it is to be looked at again. */
  forget(entry: string): void {
    this.#times.delete(entry)
  }

  /** All of them, one at a time; they may be forgotten, or get another time, meanwhile. */
  entries(): Iterator<string, undefined> {
    return this.#times.keys()
  }

  /** How many times are kept, those that no longer hold included. */
  get size(): number {
    return this.#queue.length
  }

  /** When the next time comes, if one does. */
  get next(): number | undefined {
    for (let first = this.#queue.peek(); first !== undefined; first = this.#queue.peek()) {
      if (this.#times.get(first.entry) === first.time) return first.time
      this.#queue.pop()
    }
    return undefined
  }

  /** An entry whose time has come, the first first; it is not remembered any more. */
  due(now: number): string | undefined {
    const { next } = this
    if (next === undefined || next > now) return undefined
    const entry = this.#queue.pop()?.entry ?? ''
    this.#times.delete(entry)
    return entry
  }

  #rebuild(): void {
    this.#queue = emptyQueue()
    for (const [entry, time] of this.#times) this.#queue.push({ entry, time })
  }
}

function emptyQueue(): TinyQueue<Waiting> {
  return new TinyQueue<Waiting>([], (a, b) => a.time - b.time)
}
