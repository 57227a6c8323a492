import { timeFormat, timeParse, utcFormat, utcParse } from 'd3-time-format'
import { FsqError } from '../errors.js'

/** Writes and reads the timestamp field of names, by one strftime(3) format, in local time. */
export interface Timestamps {
  format(date: Date): string
  /**
   * @throws {@link FsqError} `FSQ_TIMEFMT` where the text is not such a timestamp.
   */
  parse(text: string): Date
}

const known = new Map<string, Timestamps>()

/** What both strftime(3) of Python and our library write alike, and strptime(3) reads back. */
const directives = 'aAbBdfHIjmMpSUwWyY%'

/**
 * @throws {@link FsqError} `FSQ_TIMEFMT` for a format with a directive that cannot be read back, or with none:
 * the names of items that are there would not be read as such, and the scan would move all of them to fail/.
 */
export function getTimestamps(timefmt: string): Timestamps {
  let timestamps = known.get(timefmt)
  if (timestamps === undefined) {
    timestamps = makeTimestamps(timefmt)
    known.set(timefmt, timestamps)
  }
  return timestamps
}

function makeTimestamps(timefmt: string): Timestamps {
  const letters = [...timefmt.matchAll(/%(.?)/gsu)].map(([directive]) => directive.slice(1))
  for (const letter of letters) {
    if (letter === '' || !directives.includes(letter)) {
      const accepted = directives.replace(/./g, ' %$&').trim()
      throw new FsqError(
        'FSQ_TIMEFMT',
        `Expected a time format to have only ${accepted}, got ${JSON.stringify(timefmt)}`,
      )
    }
  }
  if (letters.every((letter) => letter === '%')) {
    const got = JSON.stringify(timefmt)
    throw new FsqError('FSQ_TIMEFMT', `Expected a time format such as %Y%m%d%H%M%S, got ${got}`)
  }
  const format = timeFormat(timefmt)
  const parse = timeParse(timefmt)
  const plainFormat = utcFormat(timefmt)
  const plainParse = utcParse(timefmt)
  return remembering(timefmt.includes('f'), {
    format,
    parse(text) {
      // The library lets the 40th of a month run over into the next. Writing the date again shows
      // it; in UTC, because an hour that summer time skips is no reason to reject a name.
      const plain = plainParse(text)
      const date = plain !== null && plainFormat(plain) === text ? parse(text) : null
      if (date === null) {
        const got = JSON.stringify(text)
        throw new FsqError('FSQ_TIMEFMT', `not a timestamp of the format ${timefmt}: ${got}`)
      }
      return date
    },
  })
}

/**
 * Remembers the last answer of each: items are enqueued, and scanned, in the order of their
 * timestamps, and hundreds have the same. A format with fractions of a second is not remembered.
 */
function remembering(fractional: boolean, timestamps: Timestamps): Timestamps {
  let second = NaN
  let formatted = ''
  let text: string | undefined
  let time = NaN
  return {
    format(date) {
      const now = Math.floor(date.getTime() / 1000)
      if (now !== second || fractional) formatted = timestamps.format(date)
      second = now
      return formatted
    },
    parse(given) {
      if (given !== text) time = timestamps.parse(given).getTime()
      text = given
      return new Date(time)
    },
  }
}
