import { Pace } from '../pace.js'

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

  /** Whether one more item of the key may be worked on now; counts it if so. */
  admit(name: string): boolean {
    const key = this.#key(name)
    if (key.running >= this.#options.concurrency) return false // The release of another tells.
    const { wait } = key.pace
    if (wait > 0) {
      key.timer ??= setTimeout(() => {
        key.timer = undefined
        this.#forget(name, key)
        this.#onFree(name)
      }, Math.ceil(wait))
      return false
    }
    key.running++
    key.pace.taken()
    return true
  }

  /** The work on an item that was admitted is over. */
  release(name: string): void {
    const key = this.#key(name)
    key.running--
    this.#forget(name, key)
    this.#onFree(name)
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
    const { wait } = key.pace
    if (wait === 0) {
      this.#keys.delete(name)
      return
    }
    key.timer = setTimeout(() => {
      key.timer = undefined
      this.#forget(name, key)
      this.#onFree(name)
    }, Math.ceil(wait))
    key.timer.unref()
  }
}
