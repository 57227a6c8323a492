import { env } from 'node:process'

/*
 * Crash tests have more cases than `npm test` has time for: it runs a sample, the same each time.
 * FSQ_CRASH_RUNS is how many times as many cases are run, a hundred where FSQ_CRASH is `long` as in
 * `npm run test:crash`; FSQ_CRASH_SEED chooses which.
 */

const seed = numberFrom('FSQ_CRASH_SEED', 1)
const times = numberFrom('FSQ_CRASH_RUNS', env['FSQ_CRASH'] === 'long' ? 100 : 1)

function numberFrom(name: string, usually: number): number {
  const text = env[name] ?? ''
  if (text === '') return usually
  if (!/^[0-9]+$/.test(text)) throw new Error(`Expected ${name} to be a number, got ${text}`)
  return Number(text)
}

/** Numbers from 0 to below 1, the same for the same name and seed (mulberry32). */
export function random(name: string): () => number {
  let state = seed
  for (const character of name) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** How many cases a test runs that takes so many in `npm test`. */
export function bound(usually: number): number {
  return usually * times
}

/** So many of a list, in its order. */
export function sample<T>(list: readonly T[], count: number, name: string): T[] {
  if (count >= list.length) return [...list]
  const next = random(name)
  const chosen = list
    .map((_, at) => ({ at, order: next() }))
    .sort((one, other) => one.order - other.order)
    .slice(0, count)
  const kept = new Set(chosen.map(({ at }) => at))
  return list.filter((_, at) => kept.has(at))
}
