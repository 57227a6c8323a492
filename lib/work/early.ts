import TinyQueue from 'tinyqueue'

/** How many are remembered. Those beyond are looked at again in each listing. */
const most = 100_000

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
  readonly #queue = new TinyQueue<Waiting>([], (a, b) => a.time - b.time)

  /** Remembers an entry until that time, in milliseconds of the epoch. */
  add(entry: string, time: number): void {
    if (this.#times.size >= most) return
    this.#times.set(entry, time)
    this.#queue.push({ entry, time })
  }

  /** Whether an entry is known to wait. */
  has(entry: string): boolean {
    return this.#times.has(entry)
  }

  /** Something happened to the entry: it is to be looked at again. */
  forget(entry: string): void {
    this.#times.delete(entry)
  }

  /** When the next time comes, if one does. */
  get next(): number | undefined {
    this.#skipForgotten()
    return this.#queue.peek()?.time
  }

  /** The entries whose time has come; they are not remembered any more. */
  due(now: number): string[] {
    const entries: string[] = []
    for (let next = this.next; next !== undefined && next <= now; next = this.next) {
      const { entry = '' } = this.#queue.pop() ?? {}
      this.#times.delete(entry)
      entries.push(entry)
    }
    return entries
  }

  #skipForgotten(): void {
    for (let first = this.#queue.peek(); first !== undefined; first = this.#queue.peek()) {
      if (this.#times.get(first.entry) === first.time) return
      this.#queue.pop()
    }
  }
}
