/**
 * The newest of many names, as far as their bytes tell: timestamps mostly sort as text. Holds at most
 * twice as many as are wanted.
 */
export class Newest {
  #names: string[] = []
  #bound = ''
  readonly #most: number

  /** @param most - how many are wanted */
  constructor(most: number) {
    this.#most = most
  }

  add(name: string): void {
    if (name <= this.#bound) return
    if (this.#names.push(name) < 2 * this.#most) return
    this.#names = this.names()
    this.#bound = this.#names[0] ?? ''
  }

  /** The newest, the oldest of them first. */
  names(): string[] {
    return this.#names.sort().slice(-this.#most)
  }
}
