import { InvalidArgumentError } from 'commander'
import ms from 'ms'
import { FsqError } from '../errors.js'
import { getCharset } from '../name/charset.js'
import { groupId, userId } from '../posix/owner.js'
import { readSetting, type Settings } from '../settings.js'

/** Turns what a library function throws for a bad value into commander's word for bad usage. */
function asUsage<T>(read: (given: string) => T): (given: string) => T {
  return (given) => {
    try {
      return read(given)
    } catch (error) {
      if (error instanceof FsqError || error instanceof TypeError)
        throw new InvalidArgumentError(error.message)
      throw error
    }
  }
}

/** Reads the value of a flag as its variable is read. */
export function setting<K extends keyof Settings>(key: K): (given: string) => Settings[K] {
  return asUsage((given) => readSetting(key, given))
}

/** A user, by name or id, that exists. */
export const user = asUsage((given) => userId(given))

/** A group, by name or id, that exists. */
export const group = asUsage((given) => groupId(given))

/** A whole number, 0 or more. */
export const count = asUsage((given) => {
  if (!/^[0-9]{1,15}$/.test(given)) throw new TypeError(`Expected a whole number, got "${given}"`)
  return Number(given)
})

/** A time span such as 90s, 10m or 7d, in seconds. */
export const duration = asUsage((given) => {
  // The library reads more, and M as m: what is meant as a month must not become a minute.
  if (!/^[0-9]{1,9}[smhdw]$/.test(given))
    throw new TypeError(`Expected a duration such as 90s, 10m, 12h, 7d or 2w, got "${given}"`)
  return ms(given as ms.StringValue) / 1000
})

/** A time: of a day and a date as ISO 8601 writes them, or of the day alone, when it comes next. */
export const time = asUsage((given) => {
  const [, hours, minutes] = /^([0-9]{1,2}):([0-9]{2})$/.exec(given) ?? []
  const at = new Date(hours === undefined ? isoTime(given) : Date.now())
  if (hours !== undefined) {
    at.setHours(Number(hours), Number(minutes), 0, 0)
    if (at.getTime() <= Date.now()) at.setDate(at.getDate() + 1)
  }
  const outOfRange = Number(hours ?? 0) > 23 || Number(minutes ?? 0) > 59
  if (Number.isNaN(at.getTime()) || outOfRange)
    throw new TypeError(
      `Expected a time such as 18:30, 2026-12-24T18:30 or 2026-12-24T18:30:00Z, got "${given}"`,
    )
  return at
})

/** What is not ISO 8601, Node.js would read in ways of its own; and a date alone as one of UTC. */
function isoTime(given: string): number {
  const iso =
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$/
  if (!iso.test(given)) return NaN
  return Date.parse(given.includes('T') ? given : `${given}T00:00`)
}

/** One of a few words. */
export function oneOf<T extends string>(words: readonly T[]): (given: string) => T {
  return asUsage((given) => {
    const word = words.find((each) => each === given)
    if (word === undefined) throw new TypeError(`Expected one of ${words.join(', ')}`)
    return word
  })
}

/** The name of a charset. */
export const charset = asUsage((given) => getCharset(given).name)
