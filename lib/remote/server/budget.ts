/** So many bytes of every body are free: small requests are served while large ones fill the memory. */
const free = 64 * 1024

/** The memory that the bodies of all requests may take together. */
export class Budget {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  /** A share for one body. */
  share(): Share {
    let held = 0
    return {
      grow: (size) => {
        const more = Math.max(0, size - free) - held
        if (more > this.#left) return false
        this.#left -= more
        held += more
        return true
      },
      [Symbol.dispose]: () => {
        this.#left += held
        held = 0
      },
    }
  }
}

/** What one body has of it, until it is disposed of. */
export interface Share extends Disposable {
  /** Whether the body may have that size. */
  readonly grow: (size: number) => boolean
}
