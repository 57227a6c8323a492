import { createHash } from 'node:crypto'

/*
 * How keys are written as the paths of files, so that whoever looks with ls(1) finds them as they are: `volume/A00001`
 * is the file `A00001` of the directory `volume`, the key of an item has the name of the item. What cannot be in a
 * file name, or would mean something else there, is written with a `%`:
 *
 *   %XX      a control character, `%`, or `/`; a `.` that comes first, since hidden files are not entries
 *   %uXXXX   half a character, which has no bytes
 *   %        nothing: the empty key; or the end of a name that would be that of a directory
 *   %hHASH   a key that is too long when it is written so; the file knows it
 *
 * Two keys never have one path, and no path leads out of the directory.
 */

/** What may come before the first `/` of a key to be a directory: the kinds of what jobs take. */
export const keyDirectories: readonly string[] = ['volume', 'drive', 'server']

/** The longest file name, in bytes. */
const longestName = 255

/** Where the file of a key is, below the directory of its entries. */
export interface KeyPath {
  /** One of {@link keyDirectories}; empty: none. */
  readonly directory: string
  readonly name: string
}

/** See above. */
export function keyPath(key: string): KeyPath {
  const slash = key.indexOf('/')
  const first = slash < 0 ? '' : key.slice(0, slash)
  if (keyDirectories.includes(first)) return { directory: first, name: named(key, slash + 1) }
  return { directory: '', name: keyDirectories.includes(key) ? `${key}%` : named(key, 0) }
}

/** The key of a path; undefined where only the file knows it, if it is one at all. */
export function keyOf({ directory, name }: KeyPath): string | undefined {
  if (name.startsWith('%h')) return undefined
  const text = /%(?:[0-9A-F]{2}|u[0-9A-F]{4})/g
  const rest = name.replace(/%$/, '').replace(text, (escaped) => {
    return String.fromCharCode(parseInt(escaped.slice(escaped[1] === 'u' ? 2 : 1), 16))
  })
  return directory === '' ? rest : `${directory}/${rest}`
}

function named(key: string, from: number): string {
  if (from === key.length) return '%'
  const escape = (character: string): string => {
    const code = character.charCodeAt(0).toString(16).toUpperCase()
    return character < '\x80' ? `%${code.padStart(2, '0')}` : `%u${code}`
  }
  const name = key
    .slice(from)
    .replace(/[\x01-\x1f\x7f%/]|\p{Surrogate}/gu, escape)
    .replace(/^\./, escape)
  if (Buffer.byteLength(name) <= longestName) return name
  return `%h${createHash('sha256').update(key, 'utf16le').digest('hex')}`
}
