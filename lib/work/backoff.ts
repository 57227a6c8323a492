/** How long an item that failed temporarily waits for its next try; durations in seconds. */
export type Backoff =
  /** After the first failure the first, and so on; the last stands for all that follow. */
  | readonly number[]
  /** Twice as long after each failure. */
  | {
      /** After the first failure. */
      readonly base: number
      /** At most. @defaultValue one hour */
      readonly max?: number
      /**
       * Which part of the duration is left to chance, from 0 to 1, so that items that failed together
       * do not come back together.
       *
       * @defaultValue 0.5
       */
      readonly jitter?: number
    }

/** From a second to an hour. */
export const defaultBackoff: Backoff = { base: 1 }

/**
 * How long to wait after so many failures, in seconds.
 *
 * @param failures - the one at hand included
 * @param random - from 0 to 1
 */
export function backoffSeconds(backoff: Backoff, failures: number, random = Math.random()): number {
  if (isList(backoff)) return backoff[Math.min(failures, backoff.length) - 1] ?? 0
  const { base, max = 3600, jitter = 0.5 } = backoff
  const whole = Math.min(max, base * 2 ** Math.min(failures - 1, mostDoublings))
  return whole * (1 - jitter * random)
}

/** More than there can be in any time that is of use; a name may have any number of tries. */
const mostDoublings = 64

/** A hundred years, in seconds: a date further off is none that a file can have. */
const longest = 100 * 365 * 24 * 3600

/** @throws `TypeError` */
export function checkBackoff(backoff: Backoff): void {
  const positive = (value: unknown): boolean =>
    typeof value === 'number' && value >= 0 && value <= longest
  const fine = isList(backoff)
    ? backoff.length > 0 && backoff.every(positive)
    : positive(backoff.base) &&
      (backoff.max === undefined || (positive(backoff.max) && backoff.max >= backoff.base)) &&
      (backoff.jitter === undefined || (positive(backoff.jitter) && backoff.jitter <= 1))
  if (fine) return
  throw new TypeError(
    'Expected `backoff` to be a list of seconds or { base, max, jitter }, ' +
      `got ${JSON.stringify(backoff)}`,
  )
}

function isList(backoff: Backoff): backoff is readonly number[] {
  return Array.isArray(backoff)
}
