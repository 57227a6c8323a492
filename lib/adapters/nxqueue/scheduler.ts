import { basename } from 'node:path'
import { inodeOf } from '../../posix/inode.js'
import { entryPath } from '../../posix/path.js'
import { watchDirectory } from '../../posix/watch.js'
import { hostContext, type QueueContext } from '../../queue/context.js'
import { isDown } from '../../queue/down.js'
import { listHosts } from '../../queue/hosts.js'
import { after, longestTimer } from '../../timer.js'
import { Wake } from '../../work/wake.js'
import type { ServiceErrorEvent } from './events.js'
import { asFsqError } from './as-fsq-error.js'
import { Master, type MasterParts } from './master.js'
import type { ReadyJob } from './job.js'
import { StandingWatch } from './standing-watch.js'

/*
 * When the master makes its passes: when something happened that may let a job run. One came, or its time
 * has, something was freed, a server came or went, was disabled or enabled, the inventory was edited; and
 * after the sweep interval in any case, for what nobody told of. While nothing happens, and nobody has an item
 * locked that could be launched, there are no others.
 */

/** What a scheduler works with. */
export interface SchedulerParts extends MasterParts {
  /** In seconds. */
  readonly sweep: number
}

/** How soon it looks again for an item that somebody has locked, in seconds; then twice as late each time. */
const soonest = 0.1

/** See above. */
export class Scheduler implements AsyncDisposable {
  readonly #parts: SchedulerParts
  readonly #master: Master
  readonly #wake: Wake
  /** Where they cannot be watched only sweeps find what was freed. */
  readonly #claims: StandingWatch
  /** Of the directories of the host queues: their down files. */
  readonly #hosts = new Map<string, Disposable>()
  readonly #sweep: NodeJS.Timeout
  #wanted: 'pass' | 'sweep' | undefined
  #passing: Promise<void> | undefined
  #forgetTime = (): void => undefined
  #pause = soonest
  #endPause = (): void => undefined
  #ended = false

  constructor(parts: SchedulerParts) {
    this.#parts = parts
    const { queue } = parts
    this.#master = new Master(parts)
    const onError = (error: unknown): void => {
      this.#trouble(error)
    }
    const onClaim = (key: string | undefined): void => {
      void this.#onClaim(key)
    }
    this.#claims = new StandingWatch(parts.store.claims, onClaim, onError)
    this.#wake = new Wake(queue, {
      onWork: (entry) => {
        if (entry === undefined || isThere(queue, entry)) this.wake()
      },
      onError,
    })
    this.#wake.check()
    const every = Math.min(parts.sweep * 1000, longestTimer)
    this.#sweep = setInterval(() => {
      this.#wake.check()
      this.#claims.renew()
      this.wake('sweep')
    }, every)
    this.wake('sweep')
  }

  /** Something happened: makes a pass, and after one that is under way another. */
  wake(wanted: 'pass' | 'sweep' = 'pass'): void {
    if (this.#ended) return
    if (this.#wanted !== 'sweep') this.#wanted = wanted
    this.#passing ??= this.#passes().finally(() => {
      this.#passing = undefined
      if (this.#wanted !== undefined) this.wake(this.#wanted)
    })
  }

  /** The record of a job has changed, or of any of them: one that waits may be cancelled. */
  onRecord(jobID: string | undefined): void {
    if (this.#master.onRecord(jobID)) this.wake()
  }

  /** Ends when the pass that is under way has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    clearInterval(this.#sweep)
    this.#forgetTime()
    this.#endPause()
    for (const listener of [this.#wake, this.#claims, ...this.#hosts.values()])
      listener[Symbol.dispose]()
    await this.#passing
  }

  /** That something is claimed lets no job run. */
  async #onClaim(key: string | undefined): Promise<void> {
    const { claims } = this.#parts.store
    const isFreed =
      key === undefined || (await claims.get(key).catch(() => undefined)) === undefined
    if (isFreed) this.wake()
  }

  async #passes(): Promise<void> {
    while (this.#wanted !== undefined && !this.#ended) {
      const isSweep = this.#wanted === 'sweep'
      this.#wanted = undefined
      try {
        await this.#pass(isSweep)
      } catch (error) {
        this.#trouble(error)
      }
    }
  }

  async #pass(isSweep: boolean): Promise<void> {
    const { queue } = this.#parts
    this.#endPause()
    this.#watchHosts()
    if (isDown(queue)) return
    const { ready, now, launches, isStale } = await this.#master.pass(isSweep)
    if (!isStale) this.#pause = soonest
    else if (launches.length > 0) this.wake()
    else this.#lookAgain()
    this.#waitForTime(ready.jobs, now)
  }

  /** Who has an item locked, such as the master before us, may give that up without a word. */
  #lookAgain(): void {
    if (this.#ended) return
    this.#endPause = after(this.#pause, () => {
      this.wake()
    })
    this.#pause = Math.min(2 * this.#pause, this.#parts.sweep)
  }

  /** To hear of a server that is disabled, or enabled. */
  #watchHosts(): void {
    const { queue } = this.#parts
    for (const host of listHosts(queue)) {
      if (this.#hosts.has(host)) continue
      const { directory, down } = hostContext(queue, host).paths
      const forget = (): void => {
        this.#hosts.get(host)?.[Symbol.dispose]()
        this.#hosts.delete(host)
      }
      const onName = (name: string | undefined): void => {
        const isItself = name === basename(directory)
        if (isItself) forget() // It may be gone; the next pass watches what is there then.
        if (isItself || name === undefined || name === basename(down)) this.wake()
      }
      try {
        this.#hosts.set(host, watchDirectory(directory, onName, forget))
      } catch {
        // It went, or there are no more watches: the next sweep sees what changed.
      }
    }
  }

  /** @param now - when they were looked at: a time may have come since, and the next pass is for it */
  #waitForTime(jobs: readonly ReadyJob[], now: number): void {
    this.#forgetTime()
    const times = jobs.flatMap(({ notBefore }) => (notBefore === undefined ? [] : [notBefore]))
    const next = times.reduce(
      (least, time) => (time > now ? Math.min(least, time) : least),
      Infinity,
    )
    if (next === Infinity || this.#ended) return
    this.#forgetTime = this.#parts.queue.clock.at(next, () => {
      this.wake()
    })
  }

  #trouble(cause: unknown): void {
    const event: ServiceErrorEvent = { type: 'trouble', error: asFsqError(cause) }
    this.#parts.onEvent(event)
  }
}

function isThere({ paths }: QueueContext, entry: string): boolean {
  return inodeOf(entryPath(paths.queue, entry)) !== undefined
}
