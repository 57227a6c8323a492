import { type Charset, fromByteString } from '../name/charset.js'

/** A name for people: the text that it is in the charset; if it is none, with \\xNN for its bytes. */
export function printableName(entry: string, charset: Charset): string {
  try {
    return fromByteString(entry, charset)
  } catch {
    return entry.replace(/[^\x20-\x7e]/g, (byte) => {
      return `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`
    })
  }
}
