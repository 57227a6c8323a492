/** A minute, in milliseconds. */
export const minute = 60_000

/**
 * How many things happened in the minute before `now`, by the times of the last ones that did, all in
 * milliseconds. Where these are not all of them and none is older than a minute, more happened in it
 * than are known: then those that are known tell how fast they follow each other.
 */
export function perMinute(times: readonly number[], areAll: boolean, now: number): number {
  const recent = times.filter((time) => time >= now - minute)
  if (areAll || recent.length < times.length || recent.length === 0) return recent.length
  // Not Math.min(...): so many arguments no call takes.
  const first = recent.reduce((least, time) => Math.min(least, time), now)
  return Math.round((recent.length * minute) / Math.max(1, now - first))
}
