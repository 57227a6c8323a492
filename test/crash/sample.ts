import { env } from 'node:process'
import { numberFrom } from '../helpers/number-from.js'
import { randomNumbers } from '../helpers/random.js'

/*
 * Crash tests have more cases than `npm test` has time for: it runs a sample, the same each time.
 * FSQ_CRASH_RUNS is how many times as many cases are run, a hundred where FSQ_CRASH is `long` as in
 * `npm run test:crash`; FSQ_CRASH_SEED chooses which. Fleets work for FSQ_CRASH_SECONDS.
 */

const isLong = env['FSQ_CRASH'] === 'long'

/** Of the random numbers. */
export const seed = numberFrom(env, 'FSQ_CRASH_SEED', 1)

/** How long a fleet works. */
export const seconds = numberFrom(env, 'FSQ_CRASH_SECONDS', isLong ? 60 : 2)

const times = numberFrom(env, 'FSQ_CRASH_RUNS', isLong ? 100 : 1)

/** Numbers from 0 to below 1, the same for the same name and {@link seed}. */
export function random(name: string): () => number {
  let own = seed
  for (const character of name) own = Math.imul(own ^ character.charCodeAt(0), 0x01000193)
  return randomNumbers(own)
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
