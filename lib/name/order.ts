/**
 * Sorts the names of a queue in place, in the order in which they were enqueued: by timestamp, then by
 * entropy as a number (`_2_` before `_10_`), then by bytes. Names are byte strings, so malformed
 * ones sort too.
 *
 * Node.js lists a directory in the order of bytes, which is nearly this order, so the sort is close
 * to one pass. Nothing is kept for a name meanwhile: a queue may have millions.
 */
export function sortNames(names: string[]): string[] {
  return names.sort(compareNames)
}

/**
 * The first of the names in that order, at most so many, of those behind `after` if that is given.
 * Holds at most twice as many, however many names there are.
 */
export function firstNames(names: Iterable<string>, most: number, after?: string): string[] {
  let first: string[] = []
  let bound: string | undefined
  for (const name of names) {
    if (after !== undefined && (compareNames(name, after) <= 0 || isSameItem(name, after))) continue
    if (bound !== undefined && compareNames(name, bound) >= 0) continue
    first.push(name)
    if (first.length < 2 * most) continue
    first = sortNames(first).slice(0, most)
    bound = first.at(-1)
  }
  return sortNames(first).slice(0, most)
}

/** Whether two names are of one item, which may have been tried again since. */
function isSameItem(a: string, b: string): boolean {
  let end = 0
  for (let field = 0; field < 4; field++) end = fieldEnd(b, end + 1)
  return a.startsWith(b.slice(0, end + 1))
}

/** Which of two names comes first: less than 0 for the first. */
export function compareNames(a: string, b: string): number {
  const timestampOfA = fieldEnd(a, 1)
  const timestampOfB = fieldEnd(b, 1)
  const entropyOfA = fieldEnd(a, timestampOfA + 1)
  const entropyOfB = fieldEnd(b, timestampOfB + 1)
  // Most names that are compared have fields of the same lengths, and then one look does.
  const alike =
    timestampOfA === timestampOfB && entropyOfA === entropyOfB && a.startsWith(b.charAt(0))
  if (alike && a.charAt(timestampOfA + 1) !== '0' && b.charAt(timestampOfB + 1) !== '0')
    return compareText(a, b)
  return (
    compareText(a.slice(1, timestampOfA), b.slice(1, timestampOfB)) ||
    compareNumbers(a.slice(timestampOfA + 1, entropyOfA), b.slice(timestampOfB + 1, entropyOfB)) ||
    compareText(a, b)
  )
}

/** Where the field that begins there ends. */
function fieldEnd(name: string, from: number): number {
  const end = name.indexOf(name.charAt(0), from)
  return end < 0 ? name.length : end
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
