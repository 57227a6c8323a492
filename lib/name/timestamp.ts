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

/** As FSQ_TIMEFMT is where nobody sets it. */
const usual = '%Y%m%d%H%M%S'

/**
 * @throws {@link FsqError} `FSQ_TIMEFMT` for a format whose timestamps cannot be read back, or in which there is
 * no time: the names of items would not be read as such, and the scan would move all of them to fail/.
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
    throw new FsqError('FSQ_TIMEFMT', `Expected a time format such as ${usual}, got ${got}`)
  }
  const format = timeFormat(timefmt)
  const parse = timeParse(timefmt)
  const plainFormat = utcFormat(withUnread(timefmt))
  const plainParse = utcParse(timefmt)
  const timestamps = {
    format,
    parse(text: string) {
      // The library lets the 40th of a month run over into the next. Writing the date again shows
      // it; in UTC, because an hour that summer time skips is no reason to reject a name.
      const plain = plainParse(text)
      const date = plain !== null && isWritten(text, plainFormat(plain)) ? parse(text) : null
      if (date === null) {
        const got = JSON.stringify(text)
        throw new FsqError('FSQ_TIMEFMT', `not a timestamp of the format ${timefmt}: ${got}`)
      }
      return date
    },
  }
  if (timefmt !== usual) checkReadBack(timefmt, timestamps)
  return remembering(timefmt.includes('f'), timestamps)
}

/** Stands for a digit that may be any. */
const anyDigit = '\0'

/** The format with milliseconds for the microseconds of `%f`, which a Date has no more of. */
function withUnread(timefmt: string): string {
  return timefmt.replace(/%./gsu, (directive) =>
    directive === '%f' ? `%L${anyDigit.repeat(3)}` : directive,
  )
}

/** Whether a timestamp is as it would be written, but for the digits that may be any. */
function isWritten(text: string, written: string): boolean {
  if (!written.includes(anyDigit)) return text === written
  return (
    text.replace(/\d/g, (digit, at: number) => (written[at] === anyDigit ? anyDigit : digit)) ===
    written
  )
}

/** In and out of summer time and of leap years, in the first and in the last week of a year, at all hours. */
const moments = [
  '2023-01-01T00:00:00',
  '2024-02-29T23:59:59',
  '2024-12-31T12:30:30',
  '2025-01-02T05:06:07',
  '2025-12-29T20:00:59',
  '2026-03-29T11:59:00',
  '2027-05-16T13:14:15',
  '2027-07-31T00:45:10',
  '2028-10-29T02:30:00',
  '2028-12-31T18:07:08',
]

/**
 * Directives that are good each for themselves may not be so together: a date that is given twice, as by `%d`
 * and `%U`, is not read back.
 *
 * @throws {@link FsqError} `FSQ_TIMEFMT`
 */
function checkReadBack(timefmt: string, timestamps: Timestamps): void {
  const format = utcFormat(timefmt)
  for (const moment of moments) {
    const text = format(new Date(`${moment}.123Z`))
    try {
      timestamps.parse(text)
    } catch (cause) {
      throw new FsqError(
        'FSQ_TIMEFMT',
        `Expected a time format whose timestamps can be read back, such as ${usual}, got ` +
          `${JSON.stringify(timefmt)}, by which ${moment} is ${JSON.stringify(text)}`,
        { cause },
      )
    }
  }
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
