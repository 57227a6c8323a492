import { setTimeout } from 'node:timers/promises'
import { errnoOf } from '../../errors.js'
import { type WriterWatch, watchWriters } from '../../posix/writers.js'

/** A file of another user: whether somebody writes to it cannot be told. */
export class NotOurs extends Error {
  constructor() {
    super("it is another user's; its owner, or root, can tell whether somebody writes to it")
  }
}

/** Why a file is left to who has it open. */
export const busy = 'somebody is writing to it'

/** How often, and how long between, in milliseconds, it is looked whether a file was closed. */
const looks = { count: 200, pause: 50 }

/** A watch over who writes to an open file, which can be ended and begun again. */
export class Watch {
  readonly #fd: number
  #watch: WriterWatch | undefined

  constructor(fd: number) {
    this.#fd = fd
  }

  /**
   * Begins to watch; false while somebody has the file open for writing.
   *
   * @throws {@link NotOurs}
   */
  begin(): boolean {
    try {
      this.#watch = watchWriters(this.#fd)
      return this.#watch !== undefined
    } catch (error) {
      if (errnoOf(error) === 'EPERM') throw new NotOurs()
      throw error
    }
  }

  /** Lets go of who waits to write, waits until they are done, and watches again; false if that takes long. */
  async beginAgain(): Promise<boolean> {
    this.end()
    for (let look = 0; look < looks.count; look++) {
      if (this.begin()) return true
      await setTimeout(looks.pause)
    }
    return false
  }

  /** Whether somebody may have written since; so, too, where nobody watches. */
  isBroken(): boolean {
    return this.#watch?.isBroken() ?? true
  }

  /** Lets go of who waits to write. Harmless twice. */
  end(): void {
    this.#watch?.[Symbol.dispose]()
    this.#watch = undefined
  }
}
