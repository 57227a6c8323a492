/**
 * The entropy of the names that this process makes: 0, 1, 2 ... for each timestamp (fsq(7)).
 *
 * Earlier timestamps are remembered, so that a clock that steps back does not bring out a name a
 * second time, when the first item of that name may be finished and out of sight.
 */
const next = new Map<string, number>()

/** How many timestamps are remembered, the latest to be made. */
const most = 4096

/** The entropy for the next name with this timestamp. */
export function nextEntropy(timestamp: string): number {
  const entropy = next.get(timestamp) ?? 0
  next.set(timestamp, entropy + 1)
  if (next.size > most) {
    const [oldest] = next.keys()
    if (oldest !== undefined) next.delete(oldest)
  }
  return entropy
}

/** The entropy to try after one was taken, in a name that somebody has made. */
export function followingEntropy(entropy: string): string {
  return /^[0-9]+$/.test(entropy) ? String(BigInt(entropy) + 1n) : '0'
}
