import type { KV } from '@nats-io/kv'
import type { Entries, Entry } from '../../key-values.js'
import type { JetStream } from './connection.js'
import type { Claim } from './engine.js'
import { isBodyName } from './envelope.js'
import { claimsBucket, leaseBucket } from './layout.js'
import { NatsError } from './nats-error.js'

/** The buckets of JetStream in which claims and leases are. */
export function buckets(jetStream: JetStream): {
  readonly claims: Entries<Claim>
  readonly leases: Entries<string>
} {
  return {
    claims: bucket(jetStream, claimsBucket, 'claim an item', isClaim),
    leases: bucket(jetStream, leaseBucket, 'renew a lease', (value) => typeof value === 'string'),
  }
}

function bucket<T>(
  jetStream: JetStream,
  name: string,
  attempt: string,
  isFine: (value: unknown) => value is T,
): Entries<T> {
  const use = async <R>(act: (kv: KV) => Promise<R>): Promise<R> =>
    jetStream.use(attempt, async (connected) => act(await connected.bucket(name)))
  const unlessTaken = async (act: (kv: KV) => Promise<number>): Promise<number | undefined> =>
    use(async (kv) => {
      try {
        return await act(kv)
      } catch (error) {
        if (isTaken(error)) return undefined
        throw error
      }
    })
  return {
    get: async (key) =>
      use(async (kv): Promise<Entry<T> | undefined> => {
        const entry = await kv.get(key)
        if (entry?.operation !== 'PUT') return undefined
        const value = parsed(entry.string())
        if (isFine(value)) return { value, revision: entry.revision }
        throw new NatsError(
          'refused',
          `what bucket ${name} has under ${key} was not written by fsq`,
        )
      }),
    create: async (key, value) => unlessTaken(async (kv) => kv.create(key, JSON.stringify(value))),
    replace: async (key, value, revision) =>
      unlessTaken(async (kv) => kv.update(key, JSON.stringify(value), revision)),
    remove: async (key) => use(async (kv) => kv.delete(key)),
  }
}

/** The numbers of JetStream for a value that is there, or is another than was expected. */
const taken: readonly unknown[] = [10071, 10164]

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && taken.includes(error.code)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isClaim(value: unknown): value is Claim {
  const isText = (what: unknown): boolean => typeof what === 'string' && what.length <= 1024
  if (typeof value !== 'object' || value === null) return false
  const { receiver, host, token, handle, body, released } = value as Record<string, unknown>
  return (
    [receiver, host, token].every(isText) &&
    (handle === undefined ||
      (typeof handle === 'string' && /^\$JS\.ACK\.[!-~]{1,1000}$/.test(handle))) &&
    (body === undefined || (typeof body === 'string' && isBodyName(body))) &&
    (released === undefined || Number.isSafeInteger(released))
  )
}
