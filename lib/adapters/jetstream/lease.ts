import { setTimeout } from 'node:timers/promises'
import type { Engine } from './engine.js'
import { leaseRenewal, leaseTtl } from './layout.js'
import { isAway } from './nats-error.js'

/*
 * Leases: a key in a bucket whose values go after some seconds, renewed each second by its holder. Who
 * watches one does not go by any clock but its own: it counts only the time in which it could look itself,
 * so that an outage of the servers, which keeps everybody from renewing, makes nobody appear lost.
 */

/** A lease that is renewed until it is disposed. */
export class Lease implements Disposable {
  readonly #engine: Engine
  readonly #key: string
  readonly #value: string
  readonly #interval: number
  readonly #ending = new AbortController()
  readonly #onError: (error: unknown) => void
  /** Resolves when it was renewed for the first time, or is over. */
  readonly held: Promise<void>
  #hold: () => void = () => undefined
  #revision: number | undefined
  #renewed = performance.now()

  /**
   * @param interval - how often it is renewed, in seconds
   * @param onError - is told why it can never be renewed
   */
  constructor(
    engine: Engine,
    key: string,
    value: string,
    interval: number,
    onError: (error: unknown) => void,
  ) {
    this.#engine = engine
    this.#key = key
    this.#value = value
    this.#interval = interval
    this.#onError = onError
    this.held = new Promise((resolve) => {
      this.#hold = resolve
    })
    void this.#keep()
  }

  /** For how long it could not be renewed, in seconds. */
  get silentFor(): number {
    return (performance.now() - this.#renewed) / 1000
  }

  [Symbol.dispose](): void {
    this.#ending.abort()
    this.#hold()
  }

  async #keep(): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted) {
      const began = performance.now()
      try {
        await this.#renew()
        this.#renewed = began
        this.#hold()
      } catch (error) {
        this.#revision = undefined // It may have been renewed all the same.
        if (!isAway(error) && !this.#ending.signal.aborted) this.#onError(error)
      }
      await setTimeout(this.#interval * 1000, undefined, { signal }).catch(() => undefined)
    }
  }

  /** What is there under our key is our own, of an earlier life perhaps: nobody else has our identity. */
  async #renew(): Promise<void> {
    const { leases } = this.#engine
    const known = this.#revision ?? (await leases.get(this.#key))?.revision
    this.#revision =
      known === undefined
        ? await leases.create(this.#key, this.#value)
        : await leases.replace(this.#key, this.#value, known)
  }
}

/** A lease that is looked at again and again. */
interface Watching {
  readonly isLost: Promise<boolean>
  /** When somebody last wanted to know it. */
  asked: number
}

/** Finds out whose leases are not renewed any more. */
export class LeaseWatch {
  readonly #engine: Engine
  /** In seconds. */
  readonly #lostAfter: number
  readonly #watching = new Map<string, Watching>()

  constructor(engine: Engine, lostAfter: number) {
    this.#engine = engine
    this.#lostAfter = lostAfter
  }

  /**
   * Waits until a lease is renewed, or was not for so long that its holder is lost. One that is lost stays it while
   * there is no lease, and somebody wants to know it from time to time: it may have left more than is taken over at
   * once.
   *
   * @returns whether it is lost; rejects with the reason of the signal
   */
  async isLost(key: string, signal: AbortSignal): Promise<boolean> {
    const known = this.#watching.get(key)
    if (known !== undefined) {
      known.asked = performance.now()
      return known.isLost
    }
    const watching = { isLost: this.#watch(key, signal), asked: performance.now() }
    this.#watching.set(key, watching)
    void this.#whileLost(key, watching, signal)
      .catch(() => undefined)
      .finally(() => this.#watching.delete(key))
    return watching.isLost
  }

  /** Ends when there may have been a lease since the last look: one that is seen is left for so long. Or nobody asks. */
  async #whileLost(key: string, watching: Watching, signal: AbortSignal): Promise<void> {
    if (!(await watching.isLost)) return
    watching.asked = performance.now()
    for (let before = performance.now(); ;) {
      const looked = performance.now()
      if ((await this.#engine.leases.get(key)) !== undefined) return
      const now = performance.now()
      if (now - before > leaseTtl * 1000 || now - watching.asked > this.#lostAfter * 1000) return
      before = looked
      await setTimeout(leaseRenewal * 1000, undefined, { signal })
    }
  }

  async #watch(key: string, signal: AbortSignal): Promise<boolean> {
    let first: number | undefined
    let looked: number | undefined
    for (let silent = 0; silent < this.#lostAfter;) {
      signal.throwIfAborted()
      try {
        const revision = (await this.#engine.leases.get(key))?.revision
        const now = performance.now()
        first ??= revision
        if (revision !== undefined && revision !== first) return false
        if (looked !== undefined) silent += (now - looked) / 1000
        looked = now
      } catch {
        looked = undefined
      }
      await setTimeout(leaseRenewal * 1000, undefined, { signal })
    }
    return true
  }
}

/** The key of the lease of a receiver. */
export function leaseKey(identity: string): string {
  return `receiver.${identity}`
}
