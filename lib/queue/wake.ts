import { close, reopen, setOwnership, statFile } from '../posix/files.js'

/**
 * Makes an event of inotify(7), and changes nothing: who watches the directory saw the item come while
 * it was still locked, and would not look again. The item is in: whatever happens here does not change
 * that.
 */
function wake(fd: number): void {
  try {
    setOwnership(fd, { uid: undefined, gid: undefined, mode: statFile(fd).mode & 0o7777 })
  } catch {
    // Whoever watches finds it at the next sweep.
  }
}

/**
 * {@link wake}, if it is asked for, when this is disposed: once the lock is given up. Who looked while it was held
 * found somebody working on the item, and would not look again.
 */
export class LaterWake implements Disposable {
  readonly #fd: number
  #waker: number | undefined

  /** @param fd - that of the lock; open until it is asked for */
  constructor(fd: number) {
    this.#fd = fd
  }

  /**
   * Where the file cannot be opened anew, the wake comes a moment too early, and the next sweep is what is left.
   * Never throws.
   */
  readonly ask = (): void => {
    try {
      this.#waker ??= reopen(this.#fd)
    } catch {
      // There are too many open files, say.
    }
    if (this.#waker === undefined) wake(this.#fd)
  };

  [Symbol.dispose](): void {
    if (this.#waker === undefined) return
    wake(this.#waker)
    close(this.#waker)
  }
}
