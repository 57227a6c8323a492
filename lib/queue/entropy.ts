/**
 * The entropy of the names that this process makes: 0, 1, 2 ... in each second (fsq(7)).
 *
 * It starts again only when time has really moved on: a clock that steps back, or two roots with
 * different formats, would otherwise bring out a name a second time.
 */
let latest = -Infinity
let latestTimestamp = ''
let next = 0

/** The entropy for the next name with this timestamp; `time` is what it was formatted from. */
export function nextEntropy(timestamp: string, time: number): number {
  if (time > latest && timestamp !== latestTimestamp) next = 0
  if (time > latest) {
    latest = time
    latestTimestamp = timestamp
  }
  return next++
}
