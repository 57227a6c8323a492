import type { KV, KvEntry } from '@nats-io/kv'
import type { Entry } from '../../key-values.js'
import type { Connected, JetStream } from './connection.js'
import { isOutrun, NatsError } from './nats-error.js'

/** See {@link ValueBucket}. */
export type Prepared = <R>(act: () => Promise<R>) => Promise<R>

/** Values in a bucket, each under a key of NATS. */
export class ValueBucket {
  readonly #jetStream: JetStream
  /** Its name. */
  readonly bucket: string
  readonly #attempt: string
  readonly #prepared: Prepared

  /**
   * @param attempt - what is done with them, for errors: `cannot …`
   * @param prepared - does something as soon as there is a bucket
   */
  constructor(
    jetStream: JetStream,
    name: string,
    attempt: string,
    prepared: Prepared = async (act) => act(),
  ) {
    this.#jetStream = jetStream
    this.bucket = name
    this.#attempt = attempt
    this.#prepared = prepared
  }

  /** Does something with the bucket. */
  async use<R>(act: (kv: KV, connected: Connected) => Promise<R>): Promise<R> {
    return this.#prepared(async () =>
      this.#jetStream.use(this.#attempt, async (connected) =>
        act(await connected.bucket(this.bucket), connected),
      ),
    )
  }

  async get(key: string): Promise<Entry<unknown> | undefined> {
    return this.use(async (kv) => {
      const entry = await kv.get(key)
      return entry === null ? undefined : this.read(entry)
    })
  }

  /** The value of an entry; undefined where it was removed. */
  read(entry: KvEntry): Entry<unknown> | undefined {
    if (entry.operation !== 'PUT') return undefined
    try {
      return { value: entry.json(), revision: entry.revision }
    } catch {
      throw notOurs(this.bucket, entry.key)
    }
  }

  async create(key: string, value: unknown): Promise<number | undefined> {
    return this.#unlessTaken(async (kv) => kv.create(key, JSON.stringify(value)))
  }

  async replace(key: string, value: unknown, revision: number): Promise<number | undefined> {
    return this.#unlessTaken(async (kv) => kv.update(key, JSON.stringify(value), revision))
  }

  async remove(key: string): Promise<void> {
    await this.use(async (kv) => kv.delete(key))
  }

  /** Removes a value if it is that; whether it was. */
  async removeIf(key: string, revision: number): Promise<boolean> {
    const removed = await this.#unlessTaken(async (kv) => {
      await kv.delete(key, { previousSeq: revision })
      return revision
    })
    return removed !== undefined
  }

  async #unlessTaken(act: (kv: KV) => Promise<number>): Promise<number | undefined> {
    return this.use(async (kv) => {
      try {
        return await act(kv)
      } catch (error) {
        if (isOutrun(error)) return undefined
        throw error
      }
    })
  }
}

/** The error for a value of a bucket that no program of ours can have put there. */
export function notOurs(bucket: string, key: string): NatsError {
  return new NatsError('refused', `what bucket ${bucket} has under ${key} was not written by fsq`)
}
