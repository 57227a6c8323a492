import { Pace } from '../pace.js'
import { longestTimer } from '../timer.js'

/** How much of the work for one key, such as a customer or a host, is done at a time. */
export interface KeyLimitOptions {
  /** How many items of one key at a time, at most. @defaultValue 1 */
  readonly concurrency: number
  /** How many items of one key a second, at most; 0 for any number. @defaultValue 0 */
  readonly rate: number
}

interface Key {
  running: number
  readonly pace: Pace
  timer: NodeJS.Timeout | undefined
}

/** Counts the work for each key. Keys that nothing is done for are forgotten. */
export class KeyLimits implements Disposable {
  readonly #options: KeyLimitOptions
  readonly #onFree: (key: string) => void
  readonly #keys = new Map<string, Key>()

  /** @param onFree - is told of a key that was refused and may be admitted again */
  constructor(options: KeyLimitOptions, onFree: (key: string) => void) {
    this.#options = options
    this.#onFree = onFree
  }

  /** Whether one more item of the key may be worked on now; counts it until its {@link release} or {@link cancel}. */
  admit(name: string): boolean {
    const key = this.#key(name)
    if (key.running >= this.#options.concurrency) return false // The release of another tells.
    if (key.pace.wait > 0) {
      this.#timerOf(name, key).ref() // Somebody waits for it: the process must not end meanwhile.
      return false
    }
    key.running++
    return true
  }

  /** An item that was admitted is begun. Only that counts for the rate: it may be somebody else's. */
  began(name: string): void {
    this.#key(name).pace.taken()
  }

  /**
   * An item that was admitted is not begun. Nobody is told: items are admitted one after the other, so nobody was
   * refused because of it, and who is told looks again, meets the same item, and is told again.
   */
  cancel(name: string): void {
    const key = this.#key(name)
    key.running--
    this.#forget(name, key)
  }

  /** The work on an item that was begun is over. */
  release(name: string): void {
    this.cancel(name)
    this.#onFree(name)
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#keys.size
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#keys.values()) clearTimeout(timer)
    this.#keys.clear()
  }

  #key(name: string): Key {
    let key = this.#keys.get(name)
    if (key === undefined) {
      key = { running: 0, pace: new Pace(this.#options.rate), timer: undefined }
      this.#keys.set(name, key)
    }
    return key
  }

  /** Only once its rate no longer matters. */
  #forget(name: string, key: Key): void {
    if (key.running > 0 || key.timer !== undefined) return
    if (key.pace.wait === 0) this.#keys.delete(name)
    else this.#timerOf(name, key).unref()
  }

  /** Rings when the next may be begun, or earlier where that is too far off for a timer. */
  #timerOf(name: string, key: Key): NodeJS.Timeout {
    key.timer ??= setTimeout(
      () => {
        key.timer = undefined
        this.#forget(name, key)
        this.#onFree(name)
      },
      Math.min(Math.ceil(key.pace.wait), longestTimer),
    )
    return key.timer
  }
}
