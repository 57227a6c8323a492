import type { WatchedEntries } from '../../key-values.js'
import { type Backoff, backoffSeconds } from '../../work/backoff.js'

/** How long nobody tries again after so many failures in a row. */
const pauses: Backoff = { base: 1, max: 60, jitter: 0 }

/**
 * Watches entries on and on: where that fails or comes to an end, which is told once, it is begun again when that is
 * asked for, but not too soon. It works again once a change is told of: entries may refuse to be watched only later. What
 * is changed meanwhile is for who looks at all of them.
 */
export class StandingWatch implements Disposable {
  readonly #begin: (onError: (error: unknown) => void) => Disposable
  readonly #onTrouble: (error: unknown) => void
  #watch: Disposable | undefined
  /** How often in a row it failed. */
  #failures = 0
  /** When it may be begun again, by a clock that nobody sets. */
  #due = 0
  #isOver = false

  /** @param onChange - as {@link WatchedEntries.watch} tells it */
  constructor(
    entries: Pick<WatchedEntries<unknown>, 'watch'>,
    onChange: (key: string | undefined) => void,
    onTrouble: (error: unknown) => void,
  ) {
    const onKey = (key: string | undefined): void => {
      this.#failures = 0
      onChange(key)
    }
    this.#begin = (onError) => entries.watch(onKey, onError)
    this.#onTrouble = onTrouble
    this.renew()
  }

  /** Begins again, unless it watches, or has just failed. */
  renew(): void {
    if (this.#watch !== undefined || this.#isOver || performance.now() < this.#due) return
    try {
      this.#watch = this.#begin((error) => {
        this.#watch = undefined
        this.#fail(error)
      })
    } catch (error) {
      this.#fail(error)
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#watch?.[Symbol.dispose]()
  }

  #fail(error: unknown): void {
    if (this.#failures === 0) this.#onTrouble(error)
    this.#failures++
    this.#due = performance.now() + backoffSeconds(pauses, this.#failures) * 1000
  }
}
