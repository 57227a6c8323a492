import { EventEmitter } from 'node:events'
import { type Clock, systemClock } from '../clock.js'
import { FsqError } from '../errors.js'
import { after, longestTimer } from '../timer.js'
import type { QueueContext } from '../queue/context.js'
import { checkQueue, failure } from '../queue/failure.js'
import { pullTriggerIfThere } from '../queue/trigger.js'
import { type Backoff, defaultBackoff } from './backoff.js'
import { Dispatch } from './dispatch.js'
import type { WorkEvent } from './events.js'
import type { Fed, ItemFeed } from './feed.js'
import type { JobEnd, Runner } from './job.js'
import { feedOf } from './feed-of.js'
import { KeyLimits } from './key-limits.js'
import { Wake } from './wake.js'
import {
  checkedBackoff,
  checkedLoad,
  loadOptions,
  type LoadOptions,
  notNegative,
  wholeNumber,
} from './work-options.js'

/*
 * Working on items as they arrive, for ever:
 *
 *   1. listen to every queue (wake.ts)
 *   2. make a pass through each (feed.ts), working on so many items at a time (dispatch.ts, job.ts)
 *   3. when something wakes, or the time of an item comes, go on; after the sweep interval make a pass
 *      anyway, for what nobody told of: a lock that fell when its holder died, a change made by another
 *      host on a network file system
 *
 * What a crash leaves is what it leaves of each job: items that are free again, as they were.
 */

/** How a worker works. */
export interface WorkOptions extends LoadOptions {
  /**
   * How long an item that failed temporarily waits for its next try.
   *
   * @defaultValue `{ base: 1 }`: a second, then twice as long each time, up to an hour
   */
  readonly backoff?: Backoff
  /** How often, in seconds, queues are looked at although nothing woke. @defaultValue 30 */
  readonly sweep?: number
  /**
   * How long a stop waits for the items that are worked on, in seconds, before it ends them.
   *
   * @defaultValue 30
   */
  readonly drain?: number
  /** End when a signal kills a program, as `fsq scan` does. @defaultValue false */
  readonly stopOnSignal?: boolean
  /** Is told of everything; the events are emitted as well. */
  readonly onEvent?: (event: WorkEvent) => void
  /** Stops the worker. */
  readonly signal?: AbortSignal
}

const workOptions = new Set<string>([
  ...loadOptions,
  ...([
    'backoff',
    'sweep',
    'drain',
    'stopOnSignal',
    'onEvent',
    'signal',
  ] satisfies (keyof WorkOptions)[]),
])

/** A queue to work on. */
export interface WeightedQueue {
  readonly queue: QueueContext
  /** How often its items come relative to those of the others. */
  readonly weight: number
}

/** What a worker did. */
export interface WorkResult {
  /** How many items are in done/. */
  readonly done: number
  /** How many failed permanently. */
  readonly failed: number
  /** How often an item failed temporarily. */
  readonly retried: number
  /** How many were left in the queue as they were, since the worker stopped before they were done. */
  readonly left: number
}

/** The names of the events, each with what its listeners get. */
export type WorkEventMap = {
  [Type in WorkEvent['type']]: [WorkEvent & Readonly<Record<'type', Type>>]
}

/** How many names are held at a time. */
const window = 10_000

/**
 * Works on the items of one or more queues until it is stopped. Made by {@link Queue.work} and
 * {@link Root.work}. Emits every {@link WorkEvent} under its type; `error` only where somebody listens.
 */
export class Worker extends EventEmitter<WorkEventMap> implements AsyncDisposable {
  /**
   * What it did, once it has stopped. Rejects where it cannot go on: `FSQ_UNSUPPORTED`,
   * `FSQ_PROGRAM_KILLED` with `stopOnSignal`, or what an option threw.
   */
  readonly ended: Promise<WorkResult>
  readonly #options: WorkOptions
  readonly #sources: { readonly feed: ItemFeed; readonly wake: Wake; down: boolean }[]
  readonly #keys: KeyLimits
  readonly #dispatch: Dispatch
  readonly #counts = { done: 0, failed: 0, retried: 0, left: 0 }
  readonly #sweep: NodeJS.Timeout
  /** In seconds, as are the next two. */
  readonly #sweepSeconds: number
  readonly #drain: number
  readonly #grace: number
  readonly #clock: Clock
  /** Calls off the wait for the time of an item. */
  #forgetTime: () => void = () => undefined
  #idle = false
  #full = false
  #stopping = false
  #failure: { readonly error: Error } | undefined
  #end: () => void = () => undefined

  /** @internal */
  constructor(queues: readonly WeightedQueue[], run: Runner, options: WorkOptions = {}) {
    super()
    this.#options = options
    const { timeout, grace, ...load } = checkedLoad(options, workOptions)
    const { sweep = 30, drain = 30, signal } = options
    this.#sweepSeconds = Math.min(sweep, longestTimer / 1000)
    this.#drain = drain
    this.#grace = grace
    const backoff = checkedBackoff(options.backoff ?? defaultBackoff)
    notNegative('drain', drain)
    if (!(sweep > 0)) throw new TypeError(`Expected \`sweep\` to be more than 0, got ${sweep}`)
    if (queues.length === 0) throw new TypeError('Expected at least one queue')
    for (const { queue, weight } of queues) {
      wholeNumber('weight', weight, 1)
      checkQueue(queue)
    }
    const onEvent = (event: WorkEvent): void => {
      this.#tell(event)
    }
    const limits = { concurrency: load.limitConcurrency, rate: load.limitRate }
    this.#keys = new KeyLimits(limits, (key) => {
      for (const { feed } of this.#sources) feed.unpark(key)
      this.#dispatch.pump()
    })
    this.#clock = queues[0]?.queue.clock ?? systemClock // Queues of one root have one.
    const keys = this.#keys
    const feeds = queues.map(({ queue }) => {
      return feedOf(queue, options, { backoff, window, keys, onEvent })
    })
    this.#dispatch = new Dispatch({
      feeds: feeds.map((feed, i) => ({ feed, weight: queues[i]?.weight ?? 1 })),
      job: {
        run,
        timeout,
        grace,
        onEvent,
      },
      concurrency: load.concurrency,
      maxRate: load.maxRate,
      limit: 0,
      onEnd: (end, fed) => {
        this.#count(end, fed)
      },
      onPause: (why) => {
        this.#pause(why)
      },
      onError: (error, feed) => {
        this.#report(error, feed)
      },
    })
    this.#sources = feeds.map((feed) => ({ feed, wake: this.#wakeOf(feed), down: false }))
    this.ended = new Promise((resolve, reject) => {
      this.#end = () => {
        if (this.#failure === undefined) resolve({ ...this.#counts })
        else reject(this.#failure.error)
      }
    })
    this.#sweep = setInterval(() => {
      this.#lookEverywhere()
    }, this.#sweepSeconds * 1000)
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (signal?.aborted === true) this.#onAbort()
    else this.#lookEverywhere()
  }

  /**
   * Takes no new item, waits until those that are worked on are finished or `drain` seconds are over,
   * then ends them, which leaves them in the queue with their tries unspent.
   */
  async stop(): Promise<WorkResult> {
    if (!this.#stopping) {
      this.#stopping = true
      void this.#stop()
    }
    return this.ended
  }

  /** Stops it at once: what is worked on is ended, and left in the queue with its tries unspent. */
  async kill(): Promise<WorkResult> {
    const ended = this.stop()
    this.#dispatch.killJobs()
    return ended
  }

  /** {@link stop}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #wakeOf(feed: ItemFeed): Wake {
    return new Wake(feed.queue, {
      onWork: (entry) => {
        feed.wake(entry)
        this.#dispatch.pump()
      },
      onError: (error) => {
        this.#tell({ type: 'error', queue: feed.queue.name, error })
      },
    })
  }

  readonly #onAbort = (): void => {
    void this.stop().catch(() => undefined) // Whoever awaits `ended` is told.
  }

  async #stop(): Promise<void> {
    const { signal } = this.#options
    this.#dispatch.stop()
    clearInterval(this.#sweep)
    this.#forgetTime()
    signal?.removeEventListener('abort', this.#onAbort)
    const byTrigger = this.#sources.filter(({ wake }) => wake.byTrigger)
    for (const { wake } of this.#sources) wake[Symbol.dispose]()
    const forget = after(this.#drain, () => {
      this.#dispatch.stopJobs(this.#grace)
    })
    await this.#dispatch.idle()
    forget()
    for (const { feed } of this.#sources) await feed.close().catch(this.#failBy)
    // A pull wakes one worker: where that has no use for it, it is another's.
    for (const { feed } of byTrigger) pullTriggerIfThere(feed.queue)
    this.#keys[Symbol.dispose]()
    this.#end()
  }

  #lookEverywhere(): void {
    for (const { feed, wake } of this.#sources) {
      wake.check()
      if (this.#stopping) return // By a listener that threw.
      if (wake.tellsChanges) feed.wake()
      else feed.sweep()
    }
    this.#dispatch.pump()
  }

  #count(end: JobEnd, { feed, item }: Fed): void {
    switch (end.type) {
      case 'gone':
        return
      case 'unable':
        // It would be the same at once, and its own changes to the item would wake us.
        feed.postpone(item.id, new Date(this.#clock.now() + this.#sweepSeconds * 1000))
        return
      case 'left':
        this.#counts.left++
        return
      default: {
        const { type, outcome, error } = end
        this.#counts[type]++
        if (outcome.notBefore !== undefined) feed.postpone(outcome.id, outcome.notBefore)
        if (error?.code === 'FSQ_PROGRAM_KILLED' && this.#options.stopOnSignal === true)
          this.#fail(error)
      }
    }
  }

  /** Nothing can be begun: because all slots are taken, or because there is no work. */
  #pause(why: 'full' | 'empty'): void {
    this.#tellUpOrDown()
    if (this.#stopping) return // What waits for a time would keep the process alive.
    if (why === 'full') {
      if (!this.#full) this.#leaveToOthers()
      this.#full = true
      this.#idle = false
      return
    }
    for (const { wake } of this.#sources) wake.resume()
    this.#full = false
    this.#waitForTime()
    if (this.#dispatch.running > 0) this.#idle = false
    else if (!this.#idle) {
      this.#idle = true
      this.#tell({ type: 'idle' })
    }
  }

  /** A pull wakes one worker: one that has enough to do wakes another for the rest. */
  #leaveToOthers(): void {
    for (const { feed, wake } of this.#sources) {
      if (!wake.byTrigger) continue
      wake.pause()
      if (!feed.hasMore) continue
      pullTriggerIfThere(feed.queue)
    }
  }

  #waitForTime(): void {
    this.#forgetTime()
    const times = this.#sources.map(({ feed }) => feed.nextTime ?? Infinity)
    const next = Math.min(...times)
    if (next === Infinity) return
    this.#forgetTime = this.#clock.at(next, () => {
      this.#dispatch.pump()
    })
  }

  #tellUpOrDown(): void {
    for (const source of this.#sources) {
      const { down, queue, failing } = source.feed
      if (failing || source.down === down) continue
      source.down = down
      this.#tell({ type: down ? 'down' : 'up', queue: queue.name })
    }
  }

  /** What concerns one queue is told once, and tried again; what concerns all ends the worker. */
  #report(cause: unknown, feed: ItemFeed): void {
    const { queue } = feed
    const error = failure('FSQ_SCAN', `cannot work on ${queue.name}`, cause, queue)
    if (!(error instanceof FsqError) || ['FSQ_UNSUPPORTED', 'FSQ_ENV'].includes(error.code)) {
      this.#fail(error)
      return
    }
    // One that we may never look at is a mistake to be told of by the exit status, and not by sweeps.
    if (error.errno === 'EACCES' && !feed.hasLooked) this.#fail(error)
    else if (!feed.failedBefore) this.#tell({ type: 'error', queue: queue.name, error })
  }

  #fail(cause: unknown): void {
    const error = cause instanceof Error ? cause : new Error(String(cause), { cause })
    this.#failure ??= { error }
    void this.stop().catch(() => undefined) // Whoever awaits `ended` is told.
  }

  readonly #failBy = (cause: unknown): void => {
    this.#fail(cause)
  }

  /** What a listener throws ends the worker, but nothing that is under way. */
  #tell(event: WorkEvent): void {
    try {
      this.#options.onEvent?.(event)
      if (event.type === 'error' && this.listenerCount('error') === 0) return
      const emitter = this as EventEmitter // The compiler does not see that each type goes with its event.
      emitter.emit(event.type, event)
    } catch (error) {
      this.#fail(error)
    }
  }
}
