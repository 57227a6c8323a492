import {
  checkEntriesName,
  type EntriesOptions,
  type Hold,
  type KeyValues,
  type WatchedEntries,
} from '../../key-values.js'
import type { JetStream } from './connection.js'
import { keyToken } from './key-token.js'
import { leaseBucket, valuesBucket, volatileBucket } from './layout.js'
import { NatsError } from './nats-error.js'
import { setupKeyValues } from './setup.js'
import { ValueBucket } from './value-bucket.js'
import { ValueEntries } from './value-entries.js'
import { holdValue } from './value-hold.js'

/**
 * {@link KeyValues} on JetStream, for processes on several machines. They are in buckets that are made when they are
 * first used: `fsq_nxqueue`, and in memory `fsq_presence` for what is volatile; holds are leases of five seconds in
 * `fsq_lease`. A change that fails with `FSQ_NATS` may have been made all the same.
 *
 * @param scope - whose they are, such as the name of a queue: those of another scope are others
 */
export function jetStreamKeyValues(jetStream: JetStream, scope: string): KeyValues {
  return new JetStreamKeyValues(jetStream, scope)
}

class JetStreamKeyValues implements KeyValues {
  readonly #jetStream: JetStream
  readonly #scope: string
  readonly #lasting: ValueBucket
  readonly #volatile: ValueBucket
  readonly #leases: ValueBucket
  readonly #watching = new Set<Disposable>()
  readonly #held = new Set<AsyncDisposable>()
  #ready: Promise<void> | undefined

  constructor(jetStream: JetStream, scope: string) {
    this.#jetStream = jetStream
    this.#scope = keyToken(scope)
    const bucket = (name: string): ValueBucket =>
      new ValueBucket(jetStream, name, 'use the values of a cluster', async (act) =>
        this.#prepared(act),
      )
    this.#lasting = bucket(valuesBucket)
    this.#volatile = bucket(volatileBucket)
    this.#leases = bucket(leaseBucket)
  }

  entries<T>(name: string, { volatile = false }: EntriesOptions = {}): WatchedEntries<T> {
    checkEntriesName(name)
    const bucket = volatile ? this.#volatile : this.#lasting
    return new ValueEntries<T>(this.#jetStream, bucket, `${this.#scope}.${name}.`, this.#watching)
  }

  async hold(name: string, holder: string): Promise<Hold | undefined> {
    checkEntriesName(name)
    const hold = await holdValue(this.#leases, `hold.${this.#scope}.${name}`, holder)
    if (hold !== undefined) this.#held.add(hold)
    return hold
  }

  /** Ends what is held and watched, not the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const watching of this.#watching) watching[Symbol.dispose]()
    const held = [...this.#held]
    this.#held.clear()
    await Promise.all(held.map(async (hold) => hold[Symbol.asyncDispose]()))
  }

  /** Does something as soon as there are the buckets for it: servers that kept some in memory may have lost them. */
  async #prepared<R>(act: () => Promise<R>): Promise<R> {
    for (let again = false; ; again = true) {
      const ready = (this.#ready ??= setupKeyValues(this.#jetStream))
      try {
        await ready
        return await act()
      } catch (error) {
        if (this.#ready === ready) this.#ready = undefined
        if (again || !(error instanceof NatsError && error.trouble === 'setup')) throw error
      }
    }
  }
}
