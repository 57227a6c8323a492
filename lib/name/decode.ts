import { FsqError } from '../errors.js'
import { type Argument, coerce } from './encode.js'
import { type NameOptions, type NameRules, nameRules } from './options.js'

/**
 * Reads one field of a name, the reverse of {@link encode}. Hex digits count in either case.
 *
 * @throws {@link FsqError} `FSQ_ENCODE` for a truncated escape or one that is not hex, `FSQ_COERCE`
 * for an escaped byte that is no character of the charset.
 */
export function decode(text: Argument, options: NameOptions = {}): string {
  const rules = nameRules(options)
  return decodeField(coerce(text, rules.charset), rules)
}

/** {@link decode} for rules that were checked before. */
export function decodeField(field: string, rules: NameRules): string {
  let at = field.indexOf(rules.encode)
  if (at < 0) return field
  let text = ''
  let from = 0
  while (at >= 0) {
    text += field.slice(from, at) + unescape(field.slice(at + 1, at + 3), rules)
    from = at + 3
    at = field.indexOf(rules.encode, from)
  }
  return text + field.slice(from)
}

function unescape(digits: string, { encode, charset }: NameRules): string {
  if (digits.length < 2) {
    const rest = encode + digits
    throw new FsqError('FSQ_ENCODE', `truncated escape at the end of an argument: ${rest}`)
  }
  if (!/^[0-9a-fA-F]{2}$/.test(digits)) {
    const got = JSON.stringify(encode + digits)
    throw new FsqError('FSQ_ENCODE', `not an escape of two hex digits: ${got}`)
  }
  // The standard decodes an escape by itself, so in utf8 only %00 to %7f are characters.
  return charset.decode(Uint8Array.of(parseInt(digits, 16)))
}
