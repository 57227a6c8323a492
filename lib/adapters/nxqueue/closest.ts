/** The one of several words that a word is likely meant to be, as ` (is it X?)`; nothing where none is near. */
export function suggestion(given: string, known: Iterable<string>): string {
  let best: { readonly word: string; readonly distance: number } | undefined
  const near = Math.ceil((given.length - 1) / 3)
  for (const word of known) {
    if (Math.abs(word.length - given.length) > near) continue
    const distance = distanceOf(given.toLowerCase(), word.toLowerCase())
    if (distance <= near && distance < (best?.distance ?? Infinity)) best = { word, distance }
  }
  return best === undefined ? '' : ` (is it \`${best.word}\`?)`
}

/** How many characters have to be put in, left out or replaced to make the one of the other (Levenshtein). */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let at = 1; at <= one.length; at++) {
    const next = [at]
    for (let to = 1; to <= other.length; to++) {
      const replaced = (row[to - 1] ?? 0) + (one[at - 1] === other[to - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}
