import { refused, rpcCodes } from './json-rpc.js'

/*
 * JSON from anybody. What it costs to parse depends on the number of its values more than on its bytes:
 * 16 MB of brackets become a gigabyte of lists. So the values are counted first, which allocates nothing
 * and takes no longer than to read the bytes.
 */

/** The deepest that lists and objects may be nested: a call needs 3. */
const deepest = 32

/** The most values in a message: a batch of 1000 calls has about 10,000. */
const mostValues = 32_000

const bytesOf = (characters: string): readonly number[] => [...Buffer.from(characters)]
const [quote, backslash, comma, colon] = bytesOf('"\\,:')
const openers = new Set(bytesOf('[{'))
const closers = new Set(bytesOf(']}'))

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** What JSON came to: its value, or the answer to what cannot be read. */
export type Parsed = { readonly value: unknown } | { readonly answer: object }

/** Parses a message. */
export function parseJson(bytes: Buffer): Parsed {
  const tooMuch = excess(bytes)
  if (tooMuch !== undefined) return { answer: refused(tooMuch) }
  try {
    return { value: JSON.parse(utf8.decode(bytes)) as unknown }
  } catch {
    return { answer: refused('not JSON in UTF-8', rpcCodes.parse) }
  }
}

/** Why the message is not even looked at; undefined where it may be parsed. */
function excess(bytes: Buffer): string | undefined {
  let depth = 0
  let values = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte === quote) {
      at = endOfString(bytes, at)
    } else if (openers.has(byte)) {
      values++
      if (++depth > deepest) return `nested more than ${deepest} deep`
    } else if (closers.has(byte)) {
      depth--
    } else if (byte === comma || byte === colon) {
      values++
    }
    if (values > mostValues) return `more than ${mostValues} values`
  }
  return undefined
}

/** Where the string ends that begins there: at a quote that no backslash is for. */
function endOfString(bytes: Buffer, start: number): number {
  for (let end = bytes.indexOf('"', start + 1); end >= 0; end = bytes.indexOf('"', end + 1)) {
    let backslashes = 0
    while (bytes[end - 1 - backslashes] === backslash) backslashes++
    if (backslashes % 2 === 0) return end
  }
  return bytes.length
}
