import { all } from '../all.js'
import { deferred, type Deferred } from '../deferred.js'
import { syncDirectory } from '../posix/directory-sync.js'
import { sync } from '../posix/sync.js'
import { nextTurn } from '../turn.js'
import type { QueueContext } from './context.js'
import { type Flush, flushesAll, openFlush } from './flush.js'

/** A new file that is to last. */
interface Waiting {
  readonly fd: number
  readonly done: Deferred<undefined>
}

/**
 * Makes new files in a directory of a queue last, their names included. Those that come together share
 * the work: while one lot is synced, the next gathers behind it.
 */
export class GroupSync implements Disposable {
  readonly #queue: QueueContext
  readonly #directory: string
  /** Open before anything is written; nothing where each file is synced by itself. */
  readonly #flush: Flush | undefined
  #waiting: Waiting[] = []
  #running = false

  constructor(queue: QueueContext, directory: string) {
    this.#queue = queue
    this.#directory = directory
    this.#flush = flushesAll(queue, directory, Infinity) ? openFlush(directory) : undefined
  }

  /** Waits until the open file, and its name in the directory, survive the loss of power. */
  async sync(fd: number): Promise<void> {
    if (this.#queue.settings.durability === 'none') return
    const done = deferred<undefined>()
    this.#waiting.push({ fd, done })
    if (!this.#running) void this.#run()
    await done.promise
  }

  [Symbol.dispose](): void {
    this.#flush?.close()
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting.length > 0) {
      await nextTurn() // What arrives in this turn shares it.
      const lot = this.#waiting
      this.#waiting = []
      try {
        await this.#syncAll(lot)
        for (const { done } of lot) done.resolve(undefined)
      } catch (error) {
        for (const { done } of lot) done.reject(error)
      }
    }
    this.#running = false
  }

  async #syncAll(lot: readonly Waiting[]): Promise<void> {
    if (this.#flush !== undefined && flushesAll(this.#queue, this.#directory, lot.length)) {
      await this.#flush.run()
      return
    }
    await all([...lot.map(({ fd }) => sync(fd)), syncDirectory(this.#directory)])
  }
}
