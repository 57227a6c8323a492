import type { WatchedEntries } from '../../key-values.js'

/**
 * Watches entries on and on: where that fails or comes to an end, which is told once, it is begun again when that is
 * asked for. What is changed meanwhile is for who looks at all of them.
 */
export class StandingWatch implements Disposable {
  readonly #begin: (onError: (error: unknown) => void) => Disposable
  readonly #onTrouble: (error: unknown) => void
  #watch: Disposable | undefined
  #isFailing = false
  #isOver = false

  /** @param onChange - as {@link WatchedEntries.watch} tells it */
  constructor(
    entries: Pick<WatchedEntries<unknown>, 'watch'>,
    onChange: (key: string | undefined) => void,
    onTrouble: (error: unknown) => void,
  ) {
    this.#begin = (onError) => entries.watch(onChange, onError)
    this.#onTrouble = onTrouble
    this.renew()
  }

  /** Begins again, unless it watches. */
  renew(): void {
    if (this.#watch !== undefined || this.#isOver) return
    try {
      this.#watch = this.#begin((error) => {
        this.#watch = undefined
        this.#fail(error)
      })
      this.#isFailing = false
    } catch (error) {
      this.#fail(error)
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#watch?.[Symbol.dispose]()
  }

  #fail(error: unknown): void {
    if (!this.#isFailing) this.#onTrouble(error)
    this.#isFailing = true
  }
}
