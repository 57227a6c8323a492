import { setImmediate } from 'node:timers/promises'

/** So many places, which are taken in turn. */
export class Places {
  #free: number
  #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** Does something in a place, as soon as there is one. */
  async use<T>(act: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await act()
    } finally {
      await this.#leave()
    }
  }

  /** Whoever is next comes before whatever follows. */
  async #leave(): Promise<void> {
    const next = this.#waiting.shift()
    if (next === undefined) {
      this.#free++
      return
    }
    next()
    await setImmediate()
  }
}
