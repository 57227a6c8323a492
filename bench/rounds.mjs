// Runs every case once a round, one after the other, so that what else the machine does meets all of
// them alike; every second round turns the order of the variants of a case round.

/**
 * @returns for each case, by its id, what each variant gave in each round; a variant that failed gives
 * what it failed with, and is not run again
 */
export async function runRounds(groups, rounds, { say }) {
  const figures = new Map()
  for (let round = 0; round < rounds; round++) {
    for (const group of groups) {
      for (const { name, skip, variants } of group.cases) {
        if (skip !== undefined) continue
        const id = `${group.name}: ${name}`
        say(`round ${round + 1} of ${rounds}: ${id}`)
        if (!figures.has(id)) figures.set(id, {})
        const entries = Object.entries(variants)
        for (const [variant, run] of round % 2 ? entries.reverse() : entries) {
          const all = (figures.get(id)[variant] ??= [])
          if (all instanceof Error) continue
          try {
            all.push(await run(round))
          } catch (error) {
            figures.get(id)[variant] = error
          }
        }
      }
    }
  }
  return figures
}

/** What a variant of a case gave for a metric in each round; nothing where it did not run through. */
export function series(figures, id, variant, metric) {
  const rounds = figures.get(id)?.[variant]
  if (!Array.isArray(rounds)) return undefined
  const numbers = rounds.map((record) => record[metric])
  return numbers.every(Number.isFinite) ? numbers : undefined
}

/** The ratio of two series round by round, since neighbours in time had the same machine. */
export function ratios(numbers, others) {
  if (numbers === undefined || others === undefined) return undefined
  return numbers.map((number, round) => number / others[round])
}
