/** Numbers from 0 to 1 that look random, and are the same for the same seed. */
export function seeded(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What is made of such numbers. */
export function chances(seed) {
  const random = seeded(seed)
  const between = (least, most) => least + random() * (most - least)
  return {
    between,
    whole: (most) => Math.floor(random() * most),
    any: (all) => all[Math.floor(random() * all.length)],
    is: (probability) => random() < probability,
    /** Times from one event to the next, where so many are to be expected in a second. */
    gap: (rate) => -Math.log(1 - random()) / rate,
    /** Most are small, a few are many times as large; half are below the median. */
    skewed: (median, spread) => {
      const normal = Array.from({ length: 12 }, random).reduce((sum, each) => sum + each, -6)
      return Math.round(median * Math.exp(spread * normal))
    },
  }
}
