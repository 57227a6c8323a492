/**
 * Sorts the names of a queue in the order in which they were enqueued: by timestamp, then by
 * entropy as a number (`_2_` before `_10_`), then by bytes. Names are byte strings, so malformed
 * ones sort too.
 *
 * Node.js lists a directory in the order of bytes, which is nearly this order, so the sort is close
 * to one pass.
 */
export function sortNames(names: readonly string[]): string[] {
  return names
    .map(toKey)
    .sort(compareKeys)
    .map(({ name }) => name)
}

interface Key {
  readonly name: string
  readonly timestamp: string
  readonly entropy: string
}

function toKey(name: string): Key {
  const delimiter = name.slice(0, 1)
  const first = name.indexOf(delimiter, 1)
  const second = first < 0 ? -1 : name.indexOf(delimiter, first + 1)
  return {
    name,
    timestamp: first < 0 ? name.slice(1) : name.slice(1, first),
    entropy: second < 0 ? '' : name.slice(first + 1, second),
  }
}

function compareKeys(a: Key, b: Key): number {
  return (
    compareText(a.timestamp, b.timestamp) ||
    compareNumbers(a.entropy, b.entropy) ||
    compareText(a.name, b.name)
  )
}

/** Decimal numbers of any size: without leading zeroes, the longer one is the larger one. */
function compareNumbers(a: string, b: string): number {
  if (a === b) return 0
  const left = a.replace(/^0+(?=.)/, '')
  const right = b.replace(/^0+(?=.)/, '')
  return left.length - right.length || compareText(left, right)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
