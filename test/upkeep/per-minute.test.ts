import t from 'tap'
import { perMinute } from '../../lib/upkeep/per-minute.js'

const now = 1_000_000
/** So many times, one every so many milliseconds, the last of them now. */
const every = (ms: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => now - i * ms)

const table: readonly [what: string, times: number[], areAll: boolean, expected: number][] = [
  ['nothing', [], true, 0],
  ['nothing of what is known', [], false, 0],
  ['all are known', every(1000, 100), true, 61],
  ['all are known, and are recent', every(10, 100), true, 100],
  ['some are older', every(1000, 100), false, 61],
  ['all that are known are recent: 100 in 990 ms', every(10, 100), false, 6061],
  ['all at once', [now, now], false, 120_000],
  ['a clock that was set back', [now + 5000, now - 30_000], false, 4],
]

t.test('what happened in the last minute is counted, or estimated', async (t) => {
  for (const [what, times, areAll, expected] of table)
    t.equal(perMinute(times, areAll, now), expected, what)
})
