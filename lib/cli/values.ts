import { InvalidArgumentError } from 'commander'
import ms from 'ms'
import { FsqError } from '../errors.js'
import { getCharset } from '../name/charset.js'
import { groupId, userId } from '../posix/owner.js'
import { checkName } from '../queue/context.js'
import { checkedSequence } from '../queue/sequence.js'
import { readSetting, type Settings, settingsTable } from '../settings.js'
import type { Backoff } from '../work/backoff.js'

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
  const { words } = settingsTable[key].kind
  const read = asUsage((given) => readSetting(key, given))
  return words === undefined ? read : Object.assign(read, { words })
}

/** A user, by name or id, that exists. */
export const user = asUsage((given) => userId(given))

/** A group, by name or id, that exists. */
export const group = asUsage((given) => groupId(given))

/** The name of a host. */
export const host = asUsage((given) => {
  checkName('host', given)
  return given
})

/** One more host of a flag that may be repeated. */
export function hosts(given: string, before: readonly string[] = []): string[] {
  return [...before, host(given)]
}

/** The same, where several may stand with commas between. */
export function hostList(given: string, before: readonly string[] = []): string[] {
  return [...before, ...given.split(',').map(host)]
}

/** A whole number, 0 or more. */
export const count = asUsage((given) => {
  if (!/^[0-9]{1,15}$/.test(given)) throw new TypeError(`Expected a whole number, got "${given}"`)
  return Number(given)
})

/** The number of an item in a sequence. */
export const sequence = asUsage((given) => checkedSequence(given))

/** A whole number, 1 or more. */
export const positive = asUsage((given) => {
  if (!/^0*[1-9][0-9]{0,8}$/.test(given))
    throw new TypeError(`Expected a whole number from 1, got "${given}"`)
  return Number(given)
})

/** How much is done at a time for each value of an argument, the first being 1. */
export interface KeyLimit {
  readonly argument: number
  readonly concurrency: number
  /** A second; 0 for any number. */
  readonly rate: number
}

/** ARG:N or ARG:N:RATE */
export const keyLimit = asUsage((given): KeyLimit => {
  const [, argument, concurrency, rate = '0'] =
    /^([1-9][0-9]{0,3}):([1-9][0-9]{0,8})(?::([0-9]{1,9}(?:\.[0-9]{1,3})?))?$/.exec(given) ?? []
  if (argument === undefined)
    throw new TypeError(
      'Expected the number of an argument and how many at a time, as 1:2, ' +
        `or also how many a second, as 1:2:10, got "${given}"`,
    )
  return { argument: Number(argument), concurrency: Number(concurrency), rate: Number(rate) }
})

/** How often the items of a queue come relative to those of others. */
export interface Weight {
  readonly queue: string
  readonly weight: number
}

/** QUEUE=N, added to those that were given before. */
export function weight(given: string, before: readonly Weight[] = []): Weight[] {
  return [...before, oneWeight(given)]
}

const oneWeight = asUsage((given): Weight => {
  const [, queue, number] = /^(.+)=([1-9][0-9]{0,5})$/.exec(given) ?? []
  if (queue === undefined)
    throw new TypeError(`Expected a queue and its weight, as mail=3, got "${given}"`)
  return { queue, weight: Number(number) }
})

/** How a time span is written. The library reads more, and M as m: a month must not become a minute. */
const timeSpan = /^[0-9]{1,9}[smhdw]$/

/** A time span such as 90s, 10m or 7d, in seconds. */
export const duration = asUsage(readDuration)

/** A time span after which something is done again, in seconds. */
export const interval = asUsage((given) => {
  const seconds = readDuration(given)
  if (seconds < 1) throw new TypeError(`Expected 1s or more, got "${given}"`)
  return seconds
})

/** A hundred years, in seconds: more is a mistake, and no date that a file can have. */
const longest = 100 * 365 * 24 * 3600

function readDuration(given: string): number {
  if (!timeSpan.test(given))
    throw new TypeError(`Expected a duration such as 90s, 10m, 12h, 7d or 2w, got "${given}"`)
  const seconds = ms(given as ms.StringValue) / 1000
  if (seconds > longest) throw new TypeError(`Expected at most a hundred years, got "${given}"`)
  return seconds
}

/** A list of durations, the last of which repeats; or BASE..MAX, twice as long each time. */
export const backoff = asUsage((given): Backoff => {
  if (given === '0') return [0]
  const [, base, max] = /^([^.,]+)\.\.([^.,]+)$/.exec(given) ?? []
  if (base === undefined || max === undefined) return given.split(',').map(readDuration)
  const range = { base: readDuration(base), max: readDuration(max) }
  if (range.max < range.base)
    throw new TypeError(`Expected the shorter delay first, as 1s..1h, got "${given}"`)
  return range
})

/** The path of a file; an empty one is more likely a variable of a script that is not set. */
export const file = asUsage((given) => {
  if (given === '') throw new TypeError('Expected the path of a file, got ""')
  return given
})

/** A glob(7) pattern. */
export const pattern = asUsage((given) => {
  if (given === '') throw new TypeError('Expected a pattern such as "*mail*", got ""')
  return given
})

/** A time to live: a time span, or a number of seconds, as FSQ_TTL and fsq-scan(1) have it. */
export const timeToLive = (given: string): number =>
  (timeSpan.test(given) ? duration : setting('ttl'))(given)

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
  const day = given.slice(0, 10)
  const date = new Date(`${day}T00:00Z`)
  // That of Node.js takes the 31st of a short month for the 1st of the next.
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== day) return NaN
  return Date.parse(given.includes('T') ? given : `${given}T00:00`)
}

/** A size such as 512, 64K, 10M or 1G, in bytes: by powers of 1024. */
export const size = asUsage((given) => {
  const [, number = '', unit = ''] = /^([0-9]{1,9})([KMGT]?)$/.exec(given) ?? []
  if (number === '')
    throw new TypeError(`Expected a size such as 512, 64K, 10M or 1G, got "${given}"`)
  return Number(number) * 1024 ** ['', 'K', 'M', 'G', 'T'].indexOf(unit)
})

/** What reads a value that is one of a few words. */
interface OneOf<T> {
  (given: string): T
  /** The words, for completion. */
  readonly words: readonly T[]
}

/** One of a few words. */
export function oneOf<T extends string>(words: readonly T[]): OneOf<T> {
  const read = asUsage((given) => {
    const word = words.find((each) => each === given)
    if (word === undefined)
      throw new TypeError(`Expected one of ${words.join(', ')}, got "${given}"`)
    return word
  })
  return Object.assign(read, { words })
}

/** The words that a flag takes, as far as they are known. */
export function wordsOf(read: unknown): readonly string[] {
  return typeof read === 'function' && 'words' in read ? (read.words as readonly string[]) : []
}

/** The name of a charset. */
export const charset = asUsage((given) => getCharset(given).name)
