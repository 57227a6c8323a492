/** An entry of queue/, and its key if it has one. */
export interface Keyed {
  readonly entry: string
  readonly key: string
}

/** The entries of one key, the first that is still there at `next`. */
interface Line {
  readonly entries: string[]
  next: number
}

/**
 * The entries of keys that have enough work. Those of one key stand in line, in the order in which they
 * came, and leave it one by one, each only when it is admitted.
 */
export class Parked {
  readonly #most: number
  readonly #admit: (key: string) => boolean
  readonly #lines = new Map<string, Line>()
  readonly #entries = new Set<string>()
  /** Keys with a line that may have room. */
  readonly #free = new Set<string>()
  /** Keys with entries that are not remembered. */
  readonly #overflowed = new Set<string>()

  /**
   * @param most - how many are remembered
   * @param admit - whether one more item of a key may be worked on now; if not, {@link free} is called
   * once it may
   */
  constructor(most: number, admit: (key: string) => boolean) {
    this.#most = most
    this.#admit = admit
  }

  /** Whether there are any, remembered or not. */
  get hasAny(): boolean {
    return this.#entries.size > 0 || this.#overflowed.size > 0
  }

  /** Whether an entry is remembered. */
  has(entry: string): boolean {
    return this.#entries.has(entry)
  }

  /** Lets an entry of a key pass, or parks it: behind those that came before it, or for want of room. */
  admitOrPark({ entry, key }: Keyed): boolean {
    const line = this.#lines.get(key)
    if (line === undefined && this.#admit(key)) return true
    if (this.#entries.size >= this.#most) {
      this.#overflowed.add(key)
      return false
    }
    this.#entries.add(entry)
    if (line === undefined) this.#lines.set(key, { entries: [entry], next: 0 })
    else line.entries.push(entry)
    return false
  }

  /**
   * A key may have room again.
   *
   * @returns whether it has none in line, but some that are not remembered; then they have to be listed again.
   */
  free(key: string): boolean {
    if (this.#lines.has(key)) {
      this.#free.add(key)
      return false
    }
    return this.#overflowed.delete(key)
  }

  /** The next entry that is admitted. */
  next(): Keyed | undefined {
    for (const key of this.#free) {
      const line = this.#lines.get(key)
      if (line !== undefined && this.#admit(key)) return { entry: this.#shift(key, line), key }
      this.#free.delete(key)
    }
    return undefined
  }

  #shift(key: string, line: Line): string {
    const entry = line.entries[line.next++] ?? ''
    this.#entries.delete(entry)
    if (line.next === line.entries.length) this.#lines.delete(key)
    else if (line.next * 2 > line.entries.length) {
      line.entries.splice(0, line.next) // Now and then: it moves all that are behind.
      line.next = 0
    }
    return entry
  }
}
