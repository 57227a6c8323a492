import { resolve } from 'node:path'
import { errnoOf, FsqError, reasonOf } from '../../errors.js'
import { after, longestTimer } from '../../timer.js'
import { asFsqError } from './as-fsq-error.js'
import { InventoryError } from './inventory-error.js'
import { stampOfAll } from './inventory-files.js'
import type { Inventory } from './inventory.js'
import { readInventory } from './read-inventory.js'
import { WatchedPaths } from './watched-paths.js'

/** Who is told of edits of an inventory, and how it is watched. */
export interface WatchInventoryOptions {
  /** The inventory that is in use; of one that is the same nothing is told. */
  readonly current?: Inventory | undefined
  /** Another was found, or one that is good after one that was not. */
  readonly onChange: (inventory: Inventory) => void
  /**
   * An {@link InventoryError}: it is no longer good, and the last one stays in use. `FSQ_WATCH`: it cannot be
   * watched, so only sweeps find edits. Any other: it could not be read, and is again at the next sweep.
   */
  readonly onError: (error: FsqError) => void
  /** An edit is over when nothing was changed for so long, in seconds. @defaultValue 0.25 */
  readonly settle?: number
  /**
   * How often it is looked at where no change was told of, in seconds: a network file system tells nothing of
   * what other machines change, nor any of a link far above the inventory. @defaultValue 60
   */
  readonly sweep?: number
}

/**
 * Follows an inventory, a file or a directory of them, as it is edited: in place, by rename, or by a symbolic
 * link that leads elsewhere. It is read when nothing was changed for a moment. Each edit is told of once.
 */
export function watchInventory(path: string, options: WatchInventoryOptions): Disposable {
  return new InventoryWatch(path, options)
}

class InventoryWatch implements Disposable {
  readonly #path: string
  readonly #options: WatchInventoryOptions
  readonly #settle: number
  readonly #watched: WatchedPaths
  readonly #sweeps: NodeJS.Timeout
  #callOff: (() => void) | undefined
  /** What the files were when they were looked at last, and when they were read last. */
  #seen: string | undefined
  #read: string | undefined
  /** What was told last: the inventory or the error, as a text. */
  #told: string | undefined
  #isReading = false
  #ended = false

  constructor(path: string, options: WatchInventoryOptions) {
    const { current, settle = 0.25, sweep = 60 } = options
    this.#path = resolve(path)
    this.#options = options
    this.#settle = settle
    if (current !== undefined) this.#told = JSON.stringify(current)
    this.#watched = new WatchedPaths(this.#path, {
      onChange: () => {
        this.#lookSoon()
      },
      onError: (cause) => {
        this.#cannotWatch(cause)
      },
    })
    const every = Math.min(sweep * 1000, longestTimer)
    this.#sweeps = setInterval(() => {
      this.#look()
    }, every)
    this.#look()
  }

  [Symbol.dispose](): void {
    this.#ended = true
    clearInterval(this.#sweeps)
    this.#callOff?.()
    this.#watched[Symbol.dispose]()
  }

  /** Reads it if it was changed since, but not while it is being changed. */
  #look(): void {
    if (this.#isReading || this.#ended) return
    this.#watched.check() // Before it is looked at: nothing in between is missed.
    const now = stampOfAll(this.#path)
    const isQuiet = now === this.#seen
    this.#seen = now
    if (now === this.#read) return
    if (isQuiet) void this.#tell(now)
    else this.#lookSoon()
  }

  #lookSoon(): void {
    this.#callOff ??= after(this.#settle, () => {
      this.#callOff = undefined
      this.#look()
    })
  }

  async #tell(stamp: string): Promise<void> {
    this.#isReading = true
    this.#read = stamp
    const found = await this.#outcome()
    this.#isReading = false
    if (this.#ended) return
    const told = found instanceof FsqError ? found.message : JSON.stringify(found)
    const isNew = told !== this.#told
    this.#told = told
    // What is wrong is not in the files: they need not change before they are read again.
    if (found instanceof FsqError && !isOfFiles(found)) this.#read = undefined
    else this.#look() // It may have been changed while it was read.
    if (!isNew) return
    if (found instanceof FsqError) this.#options.onError(found)
    else this.#options.onChange(found)
  }

  async #outcome(): Promise<Inventory | FsqError> {
    try {
      return await readInventory(this.#path)
    } catch (error) {
      return asFsqError(error)
    }
  }

  #cannotWatch(cause: unknown): void {
    const hint = errnoOf(cause) === 'ENOSPC' ? ' (fs.inotify.max_user_watches)' : ''
    const message = `cannot watch ${this.#path}, so only sweeps find edits: ${reasonOf(cause)}${hint}`
    this.#options.onError(new FsqError('FSQ_WATCH', message, { path: this.#path, cause }))
  }
}

/** Whether it says what is in the files, and not that they cannot be read now. */
function isOfFiles(error: FsqError): boolean {
  return error instanceof InventoryError && error.errno === undefined
}
