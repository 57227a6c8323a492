import { Pace } from '../pace.js'
import { longestTimer } from '../timer.js'
import type { Fed, ItemFeed } from './feed.js'
import { Job, type JobEnd, type JobOptions } from './job.js'

/** A queue that is worked on, and how often its items come relative to those of the others. */
export interface WeightedFeed {
  readonly feed: ItemFeed
  readonly weight: number
}

/** How work is dispatched. */
export interface DispatchOptions {
  readonly feeds: readonly WeightedFeed[]
  readonly job: JobOptions
  /** How many items are worked on at a time. */
  readonly concurrency: number
  /** How many are begun a second, 0 for any number. */
  readonly maxRate: number
  /** How many are begun at all, 0 for any number. */
  readonly limit: number
  readonly onEnd: (end: JobEnd, fed: Fed) => void
  /** Nothing can be begun for now: all slots are taken, or there is no item. */
  readonly onPause: (why: 'full' | 'empty') => void
  /** A queue cannot be listed, or none of its items be claimed. */
  readonly onError: (error: unknown, feed: ItemFeed) => void
}

/**
 * Takes items from the queues in turn, by their weights, and works on so many at a time. It begins what
 * it can whenever it is pumped, and after the end of each job; it never waits for work by itself.
 */
export class Dispatch {
  readonly #options: DispatchOptions
  readonly #lanes: { readonly feed: ItemFeed; readonly weight: number; credit: number }[]
  readonly #jobs = new Set<Job>()
  readonly #pace: Pace
  #pumping = false
  #again = false
  #begun = 0
  #stopped = false
  #paceTimer: NodeJS.Timeout | undefined
  #whenIdle: (() => void)[] = []

  constructor(options: DispatchOptions) {
    this.#options = options
    this.#lanes = options.feeds.map(({ feed, weight }) => ({ feed, weight, credit: 0 }))
    this.#pace = new Pace(options.maxRate)
  }

  /** How many items are worked on now. */
  get running(): number {
    return this.#jobs.size
  }

  /** Begins what can be begun. */
  pump(): void {
    this.#again = true
    if (this.#pumping) return
    this.#pumping = true
    void this.#pump().finally(() => {
      this.#pumping = false
      // Somebody may have asked after the last look, and before this.
      if (this.#again) this.pump()
      else this.#tellIfIdle()
    })
  }

  /** Begins nothing from now on. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#paceTimer)
    this.#tellIfIdle()
  }

  /** Asks all work to end, and ends it after a grace, in seconds. */
  stopJobs(grace: number): void {
    for (const job of this.#jobs) job.stop(grace)
  }

  /** Ends all work. */
  killJobs(): void {
    for (const job of this.#jobs) job.kill()
  }

  /** Resolves when nothing is worked on, nor waits for a rate or a limit to be. */
  async idle(): Promise<void> {
    if (!this.#isIdle()) await new Promise<void>((resolve) => this.#whenIdle.push(resolve))
  }

  #isIdle(): boolean {
    if (this.#pumping || this.#jobs.size > 0) return false
    if (this.#stopped || this.#isSpent()) return true
    if (this.#paceTimer !== undefined) return false
    // What is parked in a queue that is down waits for nothing here.
    return !this.#lanes.some(({ feed }) => feed.hasParked && !feed.down)
  }

  #isSpent(): boolean {
    const { limit } = this.#options
    return limit > 0 && this.#begun >= limit
  }

  #tellIfIdle(): void {
    if (!this.#isIdle()) return
    const waiting = this.#whenIdle
    this.#whenIdle = []
    for (const resolve of waiting) resolve()
  }

  async #pump(): Promise<void> {
    while (this.#isPumped()) {
      const why = await this.#beginAll()
      if (why === 'empty' && this.#lanes.some(({ feed }) => feed.isLooking)) this.#again = true
      if (why === 'empty' && this.#again) continue // Something came meanwhile, or may have been there.
      if (why !== undefined) this.#options.onPause(why)
    }
  }

  #isPumped(): boolean {
    const pumped = this.#again
    this.#again = false
    return pumped
  }

  /** Begins what may be begun; why no more, unless it may not go on at all for now. */
  async #beginAll(): Promise<'full' | 'empty' | undefined> {
    while (this.#mayBegin()) {
      const fed = await this.#take()
      if (fed === undefined) return 'empty'
      if (this.#stopped) {
        fed.item.close()
        fed.feed.release(fed)
      } else {
        this.#begin(fed)
      }
    }
    return this.#jobs.size >= this.#options.concurrency ? 'full' : undefined
  }

  #mayBegin(): boolean {
    if (this.#stopped || this.#isSpent()) return false
    if (this.#jobs.size >= this.#options.concurrency) return false
    const { wait } = this.#pace
    if (wait === 0) return true
    this.#paceTimer ??= setTimeout(
      () => {
        this.#paceTimer = undefined
        this.pump() // It looks again: the time may be farther off than a timer can wait.
      },
      Math.min(Math.ceil(wait), longestTimer),
    )
    return false
  }

  /** The next item of the queue whose turn it is, or of another: smooth weighted round robin. */
  async #take(): Promise<Fed | undefined> {
    const total = this.#lanes.reduce((sum, { weight }) => sum + weight, 0)
    const order = this.#lanes.toSorted((a, b) => b.credit + b.weight - (a.credit + a.weight))
    for (const lane of order) {
      const fed = await this.#next(lane.feed)
      if (fed === undefined) {
        lane.credit = 0 // Turns are not saved up while there is no work.
        continue
      }
      for (const each of order) each.credit += each.weight
      // What it did while the others had nothing must not be held against it later.
      lane.credit = Math.max(lane.credit - total, -total)
      return fed
    }
    return undefined
  }

  async #next(feed: ItemFeed): Promise<Fed | undefined> {
    try {
      return await feed.next()
    } catch (error) {
      this.#options.onError(error, feed)
      return undefined
    }
  }

  #begin(fed: Fed): void {
    const job = new Job(fed.item, this.#options.job)
    this.#begun++
    this.#pace.taken()
    this.#jobs.add(job)
    const over = (): void => {
      this.#jobs.delete(job)
      fed.feed.release(fed)
    }
    job.run().then(
      (end) => {
        over()
        this.#options.onEnd(end, fed)
        this.pump()
      },
      (error: unknown) => {
        over()
        this.#options.onError(error, fed.feed)
        this.pump()
      },
    )
  }
}
