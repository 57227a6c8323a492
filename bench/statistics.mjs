// The middle and the edges of a few numbers.

export function median(numbers) {
  return percentile(numbers, 0.5)
}

/** Between two of the numbers, in proportion. */
export function percentile(numbers, part) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const at = (sorted.length - 1) * part
  const below = sorted[Math.floor(at)]
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at))
}

/** The median, the lowest and the highest. */
export function spread(numbers) {
  return { median: median(numbers), low: Math.min(...numbers), high: Math.max(...numbers) }
}
