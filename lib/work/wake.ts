import { basename } from 'node:path'
import { errnoOf, FsqError, reasonOf } from '../errors.js'
import { type FifoListener, listenToFifo } from '../posix/fifo.js'
import { inodeOf } from '../posix/inode.js'
import { statEntry } from '../posix/names.js'
import { watchDirectory } from '../posix/watch.js'
import type { QueueContext } from '../queue/context.js'
import { isHidden } from '../queue/list-entries.js'

/** Who is told what happened to a queue. */
export interface WakeListener {
  /** Something came, or may have come: the entry of that name, or any where there is no name. */
  readonly onWork: (entry?: string) => void
  /** It can no longer be listened to; only sweeps find work until {@link Wake.check} succeeds. */
  readonly onError: (error: FsqError) => void
}

/**
 * Wakes who works on a queue: by its trigger where there is one, by inotify(7) otherwise. Its directory
 * is watched as well, to see that the queue comes up, or that a trigger is made.
 *
 * Host queues share the trigger of their queue, so a pull may be heard by who works for another host:
 * changes wake them in any case, and the trigger besides.
 *
 * Listening begins before the first listing and never stops in between, so that nothing that happens
 * between a listing and the next wait is lost.
 */
export class Wake implements Disposable {
  readonly #queue: QueueContext
  readonly #listener: WakeListener
  #trigger: { readonly fifo: FifoListener; readonly key: string } | undefined
  #watches = new Map<string, { readonly watch: Disposable; readonly key: string }>()
  #failed = false
  /** The trigger of which was told that it cannot be opened. */
  #unreadable: string | undefined

  #isOver = false

  /** Listens to nothing before the first {@link check}. */
  constructor(queue: QueueContext, listener: WakeListener) {
    this.#queue = queue
    this.#listener = listener
  }

  /** Looks whether what it listens to is still there, and is still the best; at first, and before each sweep. */
  check(): void {
    const { paths, settings, host } = this.#queue
    const before = this.#listensTo()
    try {
      // First: it needs none of the watches, of which the system may have no more.
      const byTrigger = this.#listensToTrigger() && host === undefined
      for (const { paths: above } of host === undefined
        ? [this.#queue]
        : [this.#queue, host.queue]) {
        this.#watch(above.directory, (name) => {
          if (name === basename(paths.trigger)) this.check()
          if (name === undefined || name === settings.downFile) this.#listener.onWork()
        })
      }
      if (byTrigger) this.#unwatch(paths.queue)
      else this.#watch(paths.queue, this.#onName)
      this.#failed = false
    } catch (error) {
      this.#report(error)
    }
    // What the one had to tell went with it, and the other heard nothing before.
    if (before !== undefined && this.#listensTo() !== before) this.#listener.onWork()
  }

  /** Leaves the next pull of the trigger to others. */
  pause(): void {
    this.#trigger?.fifo.pause()
  }

  /** Listens to the trigger again. */
  resume(): void {
    this.#trigger?.fifo.resume()
  }

  /** Whether it is the trigger alone that wakes: then a pull wakes one of those who listen. */
  get byTrigger(): boolean {
    return this.#trigger !== undefined && !this.tellsChanges
  }

  /** Whether it is told of each entry that comes or changes, so that none has to be looked at again. */
  get tellsChanges(): boolean {
    return this.#watches.has(this.#queue.paths.queue)
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#trigger?.fifo[Symbol.dispose]()
    for (const path of this.#watches.keys()) this.#unwatch(path)
  }

  /** What is hidden is not work: rsync(1), editors and NFS are still at it, under that name. */
  readonly #onName = (name?: string): void => {
    if (name === undefined || !isHidden(name, this.#queue)) this.#listener.onWork(name)
  }

  #listensToTrigger(): boolean {
    const { trigger } = this.#queue.paths
    const key = statEntry(trigger)?.isFIFO() === true ? inodeOf(trigger)?.key : undefined
    if (this.#trigger?.key === key) return key !== undefined
    this.#trigger?.fifo[Symbol.dispose]()
    this.#trigger = undefined
    if (key === undefined) return false
    try {
      const fifo = listenToFifo(trigger, () => {
        this.#listener.onWork()
      })
      this.#trigger = { fifo, key }
      return true
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || this.#unreadable === key) return false
      this.#unreadable = key
      this.#tell(`cannot listen to the trigger of ${this.#queue.name}, but to changes`, error)
      return false
    }
  }

  /** What wakes it, as a text that changes with it; undefined before it listens. */
  #listensTo(): string | undefined {
    const keys = [...this.#watches].map(([path, { key }]) => `${path} ${key}`)
    return keys.length === 0 ? undefined : [this.#trigger?.key, ...keys.sort()].join('\n')
  }

  /** Watches a directory, and another that took its place. */
  #watch(path: string, onName: (name?: string) => void): void {
    const key = inodeOf(path)?.incarnation
    if (key !== undefined && this.#watches.get(path)?.key === key) return
    this.#unwatch(path)
    if (key === undefined || this.#isOver) return // It may come back.
    const watch = watchDirectory(path, onName, (error) => {
      this.#unwatch(path)
      this.#report(error)
    })
    this.#watches.set(path, { watch, key })
  }

  #unwatch(path: string): void {
    this.#watches.get(path)?.watch[Symbol.dispose]()
    this.#watches.delete(path)
  }

  /** Once for each time that it begins to fail. */
  #report(cause: unknown): void {
    if (this.#failed) return
    this.#failed = true
    const finds = this.byTrigger ? 'the trigger and sweeps find' : 'sweeps find'
    this.#tell(`cannot listen to ${this.#queue.name}, so only ${finds} work`, cause)
  }

  #tell(what: string, cause: unknown): void {
    const { name: queue } = this.#queue
    const hint = errnoOf(cause) === 'ENOSPC' ? ' (fs.inotify.max_user_watches)' : ''
    const message = `${what}: ${reasonOf(cause)}${hint}`
    this.#listener.onError(new FsqError('FSQ_WATCH', message, { queue, cause }))
  }
}
