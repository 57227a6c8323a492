/**
 * Milliseconds of a clock that nobody sets, for differences. `performance.now()` is the same, but what it loads
 * at the first call is a good part of what a call of the program takes.
 */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1_000_000
}
