import { FsqError } from '../errors.js'
import type { Charset } from './charset.js'
import { type NameOptions, type NameRules, nameRules } from './options.js'

/** What can stand in a name: text, a number, or bytes that are text in the charset. */
export type Argument = string | number | bigint | Uint8Array

/** Options of {@link encode}. */
export interface EncodeOptions extends NameOptions {
  /** Further ASCII characters to escape. */
  readonly encoded?: readonly string[]
}

/**
 * Writes one field of a name: the delimiter, the encode character, `/` and NUL become the encode
 * character and two lower-case hex digits; nothing else changes.
 *
 * @throws {@link FsqError} `FSQ_ENCODE` for an illegal option, `FSQ_COERCE` for what is no text, or
 * cannot be written in the charset.
 */
export function encode(argument: Argument, options: EncodeOptions = {}): string {
  const rules = nameRules(options)
  const encoded = options.encoded ?? []
  for (const character of encoded) {
    if (!/^[\0-\x7f]*$/.test(character))
      throw new FsqError('FSQ_ENCODE', `Expected \`encoded\` to be ASCII, got ${character}`)
  }
  return encodeField(coerce(argument, rules.charset), rules, encoded)
}

/** {@link encode} for rules that were checked before. */
export function encodeField(
  text: string,
  { delimiter, encode }: NameRules,
  encoded: readonly string[] = [],
): string {
  let field = ''
  for (const character of text) {
    const special =
      character === delimiter ||
      character === encode ||
      character === '/' ||
      character === '\0' ||
      encoded.includes(character)
    field += special ? escape(encode, character) : character
  }
  return field
}

function escape(encode: string, character: string): string {
  return encode + character.charCodeAt(0).toString(16).padStart(2, '0')
}

/**
 * The text of an argument.
 *
 * @throws {@link FsqError} `FSQ_COERCE`
 */
export function coerce(argument: Argument, charset: Charset): string {
  switch (typeof argument) {
    case 'string':
      charset.encode(argument)
      return argument
    case 'number':
    case 'bigint':
      return String(argument)
    default:
      if (argument instanceof Uint8Array) return charset.decode(argument)
  }
  const got = JSON.stringify(argument) as string | undefined
  const expected = 'text, a number or bytes'
  throw new FsqError(
    'FSQ_COERCE',
    `Expected an argument to be ${expected}, got ${got ?? 'nothing'}`,
  )
}
