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
