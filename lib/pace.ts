/** So many a second at most, evenly spread. */
export class Pace {
  readonly #rate: number
  #due = 0

  /** @param rate - how many a second, 0 for any number */
  constructor(rate: number) {
    this.#rate = rate
  }

  /** How long the next one has to wait, in milliseconds; 0 if it need not. */
  get wait(): number {
    return this.#rate === 0 ? 0 : Math.max(0, this.#due - performance.now())
  }

  /** One was taken. */
  taken(): void {
    if (this.#rate > 0) this.#due = Math.max(this.#due, performance.now()) + 1000 / this.#rate
  }
}
