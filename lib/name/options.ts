import { FsqError } from '../errors.js'
import { type Charset, defaultCharset, getCharset } from './charset.js'

/** How names are written and read. */
export interface NameOptions {
  /**
   * Separates the fields of a name; one ASCII character. `deconstruct` takes it from the name.
   *
   * @defaultValue `_` (FSQ_DELIMITER in a {@link Root})
   */
  readonly delimiter?: string
  /**
   * Begins an escape; one ASCII character.
   *
   * @defaultValue `%` (FSQ_ENCODE in a {@link Root})
   */
  readonly encode?: string
  /**
   * The charset of names, for escapes from 80 to ff and for arguments that are bytes.
   *
   * @defaultValue `utf8` (FSQ_CHARSET in a {@link Root})
   */
  readonly charset?: string
}

/** What {@link NameOptions} come to once defaults are filled in and everything was checked. */
export interface NameRules {
  readonly delimiter: string
  readonly encode: string
  readonly charset: Charset
}

/**
 * Fills in the defaults and checks both characters (fsq(7), section 2 of the digest: exactly one
 * ASCII character each, different, neither `/` nor NUL).
 *
 * @throws {@link FsqError} `FSQ_ENCODE`, or `FSQ_COERCE` for an unknown charset.
 */
export function nameRules(options: NameOptions = {}): NameRules {
  const { delimiter = '_', encode = '%', charset = defaultCharset } = options
  checkCharacter('encode character', encode)
  checkCharacter('delimiter', delimiter)
  if (delimiter === encode) {
    const both = JSON.stringify(delimiter)
    throw new FsqError('FSQ_ENCODE', `delimiter and encode character are the same: ${both}`)
  }
  return { delimiter, encode, charset: getCharset(charset) }
}

function checkCharacter(what: string, character: unknown): void {
  if (typeof character !== 'string' || !/^[^/\0\x80-\u{10ffff}]$/u.test(character)) {
    const accepted = 'exactly one ASCII character that is neither / nor NUL'
    const got = JSON.stringify(character)
    throw new FsqError('FSQ_ENCODE', `Expected the ${what} to be ${accepted}, got ${got}`)
  }
}
