import { randomUUID } from 'node:crypto'
import type { Entry, Hold } from '../../key-values.js'
import { leaseRenewal } from './layout.js'
import { isAway } from './nats-error.js'
import type { ValueBucket } from './value-bucket.js'

/*
 * A hold is a key in the bucket of leases, whose values go after five seconds: who creates it has it, and renews it each
 * second by its revision. Who could not for 3.5 seconds considers it lost, on its own clock and for good, before anybody
 * else can get it. The epoch is the revision of its creation: those of a bucket only grow.
 *
 * A process that was stopped, or a machine that was suspended, may hold for a moment what is another's by now.
 *
 * What was lost in an outage, or created without an answer, is there for five seconds more, and says by its token that it
 * was ours: who takes it again need not wait for others to be able to.
 */

/** In seconds. */
const fencedAfter = 3.5

/** The tokens of holds that nobody of this process has any more, though they may be there, by their keys. */
const lost = new Map<string, string>()

/** See above; undefined where another has it. */
export async function holdValue(
  leases: ValueBucket,
  key: string,
  holder: string,
): Promise<(Hold & AsyncDisposable) | undefined> {
  const known = lost.get(key)
  lost.delete(key) // Nobody else is to take it for lost meanwhile.
  const token = known ?? randomUUID()
  const value = { holder, token }
  const began = performance.now()
  try {
    let revision = await leases.create(key, value)
    if (revision === undefined && known !== undefined) revision = await retake(leases, key, value)
    return revision === undefined ? undefined : new ValueHold(leases, key, value, revision, began)
  } catch (error) {
    lost.set(key, token)
    throw error
  }
}

async function retake(
  leases: ValueBucket,
  key: string,
  value: { readonly token: string },
): Promise<number | undefined> {
  for (;;) {
    const entry = await leases.get(key)
    if (entry === undefined || tokenOf(entry) !== value.token) return undefined
    const revision = await leases.replace(key, value, entry.revision)
    if (revision !== undefined) return revision // Else it was renewed meanwhile, by a request that took its time.
  }
}

function tokenOf({ value }: Entry<unknown>): unknown {
  return ((value ?? {}) as { readonly token?: unknown }).token
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
    if (!this.#over && performance.now() - this.#renewed > fencedAfter * 1000) this.#lose()
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

  #lose(): void {
    this.#end()
    lost.set(this.#key, this.#value.token)
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
      if (!isAway(error)) this.#lose()
    } finally {
      this.#renewing = undefined
    }
  }

  /** The revision, where it was renewed by us and we were not told. */
  async #own(): Promise<number | undefined> {
    const entry = await this.#leases.get(this.#key)
    return entry !== undefined && tokenOf(entry) === this.#value.token ? entry.revision : undefined
  }
}
