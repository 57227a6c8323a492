import { randomUUID } from 'node:crypto'
import type { Hold } from '../../key-values.js'
import { leaseRenewal } from './layout.js'
import { isAway } from './nats-error.js'
import type { ValueBucket } from './value-bucket.js'

/*
 * A hold is a key in the bucket of leases, whose values go after five seconds: who creates it has it, and renews it each
 * second by its revision. Who could not for 3.5 seconds considers it lost, on its own clock and for good, before anybody
 * else can get it. The epoch is the revision of its creation: those of a bucket only grow.
 *
 * A process that was stopped, or a machine that was suspended, may hold for a moment what is another's by now.
 */

/** In seconds. */
const fencedAfter = 3.5

/** See above; undefined where another has it. */
export async function holdValue(
  leases: ValueBucket,
  key: string,
  holder: string,
): Promise<(Hold & AsyncDisposable) | undefined> {
  const value = { holder, token: randomUUID() }
  const began = performance.now()
  const revision = await leases.create(key, value)
  return revision === undefined ? undefined : new ValueHold(leases, key, value, revision, began)
}

class ValueHold implements Hold, AsyncDisposable {
  readonly epoch: number
  readonly #leases: ValueBucket
  readonly #key: string
  readonly #value: { readonly holder: string; readonly token: string }
  readonly #timer: NodeJS.Timeout
  #revision: number
  #renewed: number
  #renewing: Promise<void> | undefined
  #over = false

  constructor(
    leases: ValueBucket,
    key: string,
    value: { readonly holder: string; readonly token: string },
    revision: number,
    began: number,
  ) {
    this.#leases = leases
    this.#key = key
    this.#value = value
    this.epoch = revision
    this.#revision = revision
    this.#renewed = began
    this.#timer = setInterval(() => {
      if (this.isHeld()) this.#renewing ??= this.#renew()
    }, leaseRenewal * 1000)
    this.#timer.unref()
  }

  isHeld(): boolean {
    if (!this.#over && performance.now() - this.#renewed > fencedAfter * 1000) this.#end()
    return !this.#over
  }

  [Symbol.dispose](): void {
    void this[Symbol.asyncDispose]()
  }

  /** Gives it up, and waits until others can have it, if the servers are there. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over) return
    this.#end()
    await this.#renewing
    await this.#leases.removeIf(this.#key, this.#revision).catch(() => undefined)
  }

  #end(): void {
    this.#over = true
    clearInterval(this.#timer)
  }

  async #renew(): Promise<void> {
    const began = performance.now()
    try {
      const revision =
        (await this.#leases.replace(this.#key, this.#value, this.#revision)) ?? (await this.#own())
      if (revision === undefined) this.#end()
      else {
        this.#revision = revision
        this.#renewed = began
      }
    } catch (error) {
      if (!isAway(error)) this.#end()
    } finally {
      this.#renewing = undefined
    }
  }

  /** The revision, where it was renewed by us and we were not told. */
  async #own(): Promise<number | undefined> {
    const entry = await this.#leases.get(this.#key)
    const { token } = (entry?.value ?? {}) as { readonly token?: unknown }
    return token === this.#value.token ? entry?.revision : undefined
  }
}
