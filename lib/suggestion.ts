import { closestMatch } from 'leven'

/** The one of several words that a word is likely meant to be, as `; did you mean X?`; nothing where none is near. */
export function suggestion(given: string, known: Iterable<string>): string {
  const words = new Map([...known].map((word) => [word.toLowerCase(), word])) // In whatever case it is given.
  const maxDistance = Math.ceil((given.length - 1) / 3)
  const likely = closestMatch(given.toLowerCase(), [...words.keys()], { maxDistance })
  return likely === undefined ? '' : `; did you mean ${words.get(likely)}?`
}
