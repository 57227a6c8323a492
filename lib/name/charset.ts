import { createRequire } from 'node:module'
import { FsqError } from '../errors.js'

/** A way to write text as bytes and back, strict in both directions: nothing is ever replaced. */
export interface Charset {
  /** The name by which it was asked for, as `utf8`. */
  readonly name: string
  /**
   * @throws {@link FsqError} `FSQ_COERCE` where the charset has no bytes for a character.
   */
  encode(text: string): Buffer
  /**
   * @throws {@link FsqError} `FSQ_COERCE` where the bytes are not text in the charset.
   */
  decode(bytes: Uint8Array): string
}

/** FSQ_CHARSET where nobody says otherwise. */
export const defaultCharset = 'utf8'

const known = new Map<string, Charset>()

/**
 * The charset of that name. ASCII has to be a part of it, since a name's delimiter, escapes and
 * digits are ASCII: UTF-16 and EBCDIC are refused.
 *
 * @throws {@link FsqError} `FSQ_COERCE` for a name that is unknown, or of no use in file names.
 */
export function getCharset(name: string): Charset {
  let charset = known.get(name)
  if (charset === undefined) {
    const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '')
    charset = isUtf8(plain) ? utf8(name) : (byteCharset(name, plain) ?? tableCharset(name))
    known.set(name, charset)
  }
  return charset
}

function isUtf8(plain: string): boolean {
  return plain === 'utf8' || plain === 'u8'
}

const loneSurrogate = /\p{Surrogate}/u
const beyondAscii = /[^\0-\x7f]/

function utf8(name: string): Charset {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  return {
    name,
    encode(text) {
      if (loneSurrogate.test(text)) throw cannotEncode(text, name)
      return Buffer.from(text, 'utf8')
    },
    decode(bytes) {
      try {
        return decoder.decode(bytes)
      } catch (cause) {
        throw cannotDecode(name, cause)
      }
    },
  }
}

/** ASCII and Latin-1, which Node.js has without a table. */
function byteCharset(name: string, plain: string): Charset | undefined {
  const ascii = ['ascii', 'usascii', '646'].includes(plain)
  if (!ascii && !['latin1', 'iso88591', 'l1', '88591'].includes(plain)) return undefined
  const beyond = ascii ? beyondAscii : /[^\0-\xff]/
  return {
    name,
    encode(text) {
      if (beyond.test(text)) throw cannotEncode(text, name)
      return Buffer.from(text, 'latin1')
    },
    decode(bytes) {
      const text = Buffer.from(bytes).toString('latin1')
      if (beyond.test(text)) throw cannotDecode(name)
      return text
    },
  }
}

/** Every other charset comes from iconv-lite, loaded only when one is asked for. */
function tableCharset(name: string): Charset {
  const iconv = createRequire(import.meta.url)('iconv-lite') as typeof import('iconv-lite')
  const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('')
  if (!iconv.encodingExists(name) || iconv.encode(printable, name).toString('latin1') !== printable)
    throw new FsqError('FSQ_COERCE', `unknown charset, or one without ASCII: ${name}`)
  return {
    name,
    encode(text) {
      const bytes = iconv.encode(text, name)
      // The library writes ? for what it cannot write, so compare.
      if (iconv.decode(bytes, name, { stripBOM: false }) !== text) throw cannotEncode(text, name)
      return bytes
    },
    decode(bytes) {
      const text = iconv.decode(Buffer.from(bytes), name, { stripBOM: false })
      if (!iconv.encode(text, name).equals(bytes)) throw cannotDecode(name)
      return text
    },
  }
}

/**
 * The bytes of a text, one character a byte ("byte string"): file names travel so inside fsq, since
 * a name in a directory may be bytes that are no text at all.
 */
export function toByteString(text: string, charset: Charset): string {
  return beyondAscii.test(text) ? charset.encode(text).toString('latin1') : text
}

/**
 * The text of a byte string.
 *
 * @throws {@link FsqError} `FSQ_COERCE` where the bytes are not text in the charset.
 */
export function fromByteString(bytes: string, charset: Charset): string {
  return beyondAscii.test(bytes) ? charset.decode(Buffer.from(bytes, 'latin1')) : bytes
}

function cannotEncode(text: string, charset: string): FsqError {
  return new FsqError('FSQ_COERCE', `cannot encode ${JSON.stringify(text)} (charset: ${charset})`)
}

function cannotDecode(charset: string, cause?: unknown): FsqError {
  return new FsqError(
    'FSQ_COERCE',
    `cannot decode: not text in that charset (charset: ${charset})`,
    {
      cause,
    },
  )
}
