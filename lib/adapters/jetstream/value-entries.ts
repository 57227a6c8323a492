import type { KvEntry } from '@nats-io/kv'
import { setTimeout } from 'node:timers/promises'
import { inFlight } from '../../in-flight.js'
import { checkKey, checkValue, type Entry, type WatchedEntries } from '../../key-values.js'
import type { JetStream } from './connection.js'
import { keyToken, readKeyToken } from './key-token.js'
import { NatsError, natsError } from './nats-error.js'
import type { ValueBucket } from './value-bucket.js'

/*
 * Entries as `SCOPE.NAME.KEY` in a bucket. What is removed leaves a marker, from which those who watch are told; markers
 * older than a minute are deleted by who lists the entries, so that there are not more of them than jobs in that time.
 */

/** In milliseconds. */
const markersStay = 60_000

/** How many are deleted at a time. */
const mostMarkers = 50

/** How many values are asked for at a time. */
const atOnce = 64

/** Between two attempts to watch, in milliseconds. */
const watchAgain = 250

/** See above. */
export class ValueEntries<T> implements WatchedEntries<T> {
  readonly #jetStream: JetStream
  readonly #bucket: ValueBucket
  readonly #prefix: string
  readonly #watching: Set<Disposable>

  /** @param watching - what is to be disposed at the end */
  constructor(
    jetStream: JetStream,
    bucket: ValueBucket,
    prefix: string,
    watching: Set<Disposable>,
  ) {
    this.#jetStream = jetStream
    this.#bucket = bucket
    this.#prefix = prefix
    this.#watching = watching
  }

  async get(key: string): Promise<Entry<T> | undefined> {
    return (await this.#bucket.get(this.#keyOf(key))) as Entry<T> | undefined
  }

  async create(key: string, value: T): Promise<number | undefined> {
    const under = this.#keyOf(key)
    checkValue(value)
    for (;;) {
      const revision = await this.#bucket.create(under, value)
      if (revision !== undefined || (await this.#bucket.get(under)) !== undefined) return revision
      // It was removed meanwhile, or the marker of its removal was.
    }
  }

  async replace(key: string, value: T, revision: number): Promise<number | undefined> {
    const under = this.#keyOf(key)
    checkValue(value)
    return this.#bucket.replace(under, value, revision)
  }

  async remove(key: string, revision?: number): Promise<void> {
    const under = this.#keyOf(key)
    if (revision !== undefined) await this.#bucket.removeIf(under, revision)
    else if ((await this.#bucket.get(under)) !== undefined) await this.#bucket.remove(under)
  }

  /**
   * By their names and then each, not by a consumer, as KV.history() does: that does not end where values are replaced
   * while it is delivered them.
   */
  async list(): Promise<ReadonlyMap<string, Entry<T>>> {
    const entries = new Map<string, Entry<T>>()
    const markers: KvEntry[] = []
    await this.#bucket.use(async (kv, { manager }) => {
      const { bucket } = this.#bucket
      const subjects = `$KV.${bucket}.`
      const stream = `KV_${bucket}`
      const info = await manager.streams.info(stream, {
        subjects_filter: `${subjects}${this.#prefix}*`,
      })
      const keys = Object.keys(info.state.subjects ?? {}).map((name) => name.slice(subjects.length))
      await inFlight(each(keys), atOnce, async (under) => {
        const key = this.#readKey(under)
        const entry = key === undefined ? null : await kv.get(under)
        if (key === undefined || entry === null) return
        const there = this.#bucket.read(entry)
        if (there === undefined) markers.push(entry)
        else entries.set(key, there as Entry<T>)
      })
      const old = markers.filter(({ created }) => created.getTime() < Date.now() - markersStay)
      for (const { revision } of old.slice(0, mostMarkers))
        // By its number: the key may have a value again.
        await manager.streams.deleteMessage(stream, revision, false).catch(() => undefined)
    })
    return entries
  }

  watch(
    onChange: (key: string | undefined) => void,
    onError: (error: unknown) => void,
  ): Disposable {
    const ending = new AbortController()
    const watching = {
      [Symbol.dispose]: () => {
        ending.abort()
        this.#watching.delete(watching)
      },
    }
    this.#watching.add(watching)
    this.#watch(onChange, ending.signal).catch((error: unknown) => {
      watching[Symbol.dispose]()
      onError(error)
    })
    return watching
  }

  /** Watches again whenever the connection was lost; what was missed meanwhile is for who looks at all. */
  async #watch(onChange: (key: string | undefined) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#watchOnce(onChange, signal)
      } catch (error) {
        const known = natsError('cannot watch the values of a cluster', error)
        const trouble = known instanceof NatsError ? known.trouble : undefined
        if (trouble !== 'away' && trouble !== 'setup') throw known
      }
      await setTimeout(watchAgain, undefined, { signal }).catch(() => undefined)
    }
  }

  async #watchOnce(
    onChange: (key: string | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const changes = await this.#bucket.use(async (kv, { clients }) =>
      kv.watch({ key: `${this.#prefix}*`, include: clients.kv.KvWatchInclude.UpdatesOnly }),
    )
    const isOver = (): boolean => signal.aborted
    const stop = (): void => {
      changes.stop()
    }
    const link = this.#jetStream.onLink(stop)
    signal.addEventListener('abort', stop)
    try {
      if (isOver()) return
      onChange(undefined) // What has changed before it was watched.
      for await (const { key } of changes) {
        if (isOver()) return
        onChange(this.#readKey(key))
      }
    } finally {
      link[Symbol.dispose]()
      stop()
      signal.removeEventListener('abort', stop)
    }
  }

  #keyOf(key: string): string {
    checkKey(key)
    return this.#prefix + keyToken(key)
  }

  /** Undefined for what is none of ours. */
  #readKey(key: string): string | undefined {
    return readKeyToken(key.slice(this.#prefix.length))
  }
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values
}
