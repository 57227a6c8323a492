import { FsqError } from '../errors.js'
import { decodeField } from './decode.js'
import { type Argument, coerce } from './encode.js'
import { type NameOptions, type NameRules, nameRules } from './options.js'
import { getCharset, defaultCharset } from './charset.js'

/** The parts of a name. */
export interface Deconstructed {
  /** The delimiter of the name, its first character. */
  readonly delimiter: string
  /** The arguments, decoded, in order. */
  readonly arguments: string[]
}

/**
 * Reads a name, the reverse of {@link construct}. The first character of a name is its delimiter,
 * whatever the options say.
 *
 * @throws {@link FsqError} `FSQ_MALFORMED` for an empty name, `FSQ_ENCODE` for a first character
 * that cannot be a delimiter and for a bad escape, `FSQ_COERCE` for an escaped byte that is no
 * character of the charset.
 */
export function deconstruct(
  name: Argument,
  options: Omit<NameOptions, 'delimiter'> = {},
): Deconstructed {
  const text = coerce(name, getCharset(options.charset ?? defaultCharset))
  const delimiter = firstCharacter(text)
  const rules = nameRules({ ...options, delimiter })
  return { delimiter, arguments: splitName(text, rules) }
}

/** The delimiter of a name. */
export function firstCharacter(name: string): string {
  const [first] = name
  if (first === undefined) throw new FsqError('FSQ_MALFORMED', 'an empty name has no delimiter')
  return first
}

/** The arguments of a name, for rules that were checked before and have the name's delimiter. */
export function splitName(name: string, rules: NameRules): string[] {
  const { delimiter, encode } = rules
  if (name.length === 1) return []
  // Most names have no escape, and this is done for each item of a scan.
  if (!name.includes(encode)) return name.slice(1).split(delimiter)
  const fields: string[] = []
  let start = 1
  let at = 1
  while (at < name.length) {
    const character = name[at]
    if (character === encode) {
      at += 3 // The two characters of an escape are never a delimiter, even where they look like it.
    } else {
      if (character === delimiter) {
        fields.push(decodeField(name.slice(start, at), rules))
        start = at + 1
      }
      at += 1
    }
  }
  fields.push(decodeField(name.slice(start), rules))
  return fields
}
