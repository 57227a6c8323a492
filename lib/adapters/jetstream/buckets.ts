import type { Entries } from '../../key-values.js'
import type { JetStream } from './connection.js'
import type { Claim } from './engine.js'
import { isBodyName } from './envelope.js'
import { claimsBucket, leaseBucket } from './layout.js'
import { notOurs, ValueBucket } from './value-bucket.js'

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
  const values = new ValueBucket(jetStream, name, attempt)
  return {
    get: async (key) => {
      const entry = await values.get(key)
      if (entry === undefined) return undefined
      const { value, revision } = entry
      if (isFine(value)) return { value, revision }
      throw notOurs(name, key)
    },
    create: async (key, value) => values.create(key, value),
    replace: async (key, value, revision) => values.replace(key, value, revision),
    remove: async (key) => values.remove(key),
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
