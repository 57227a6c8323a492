/*
 * Names in the files of an ftpcluster are %-encoded, so that each is one word without blanks. They are
 * decoded once: `a%2520b` is the name `a%20b`. A name is bytes; those that are no UTF-8 are kept as lone
 * surrogates, U+DC80 to U+DCFF, as Python's surrogateescape has it, so that a name that was decoded can
 * be encoded to the same bytes again.
 */

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The name that a word stands for. A % that begins no escape stands for itself. */
export function decodeName(word: Uint8Array): string {
  const bytes: number[] = []
  for (let at = 0; at < word.length; at++) {
    const escaped = word[at] === percent ? hexAt(word, at + 1) : undefined
    bytes.push(escaped ?? word[at] ?? 0)
    if (escaped !== undefined) at += 2
  }
  return textOf(Uint8Array.from(bytes))
}

/** The word for a name: all bytes but letters, digits and `-_.~/` are escaped, in upper case. */
export function encodeName(name: string): string {
  return Array.from(bytesOf(name), (byte) => {
    const character = String.fromCharCode(byte)
    if (/^[A-Za-z0-9._~/-]$/.test(character)) return character
    return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')
}

const percent = 0x25

function hexAt(bytes: Uint8Array, at: number): number | undefined {
  const digits = String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0)
  return /^[0-9A-Fa-f]{2}$/.test(digits) ? parseInt(digits, 16) : undefined
}

/** Bytes as text; a byte that is part of no character becomes a lone surrogate. */
export function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return pieceByPiece(bytes)
  }
}

function pieceByPiece(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const length = characterAt(bytes, at)
    text +=
      length === 0
        ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0))
        : utf8.decode(bytes.subarray(at, at + length))
    at += Math.max(1, length)
  }
  return text
}

/** How many bytes the character has that begins there; 0 where none does. */
function characterAt(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    try {
      utf8.decode(bytes.subarray(at, at + length))
      return length
    } catch {
      // Perhaps with one more.
    }
  }
  return 0
}

/** The bytes of such a text. */
export function bytesOf(text: string): Buffer {
  const pieces = text.split(/([\udc80-\udcff])/u)
  return Buffer.concat(
    pieces.map((piece, at) =>
      at % 2 === 0 ? Buffer.from(piece) : Buffer.of(piece.charCodeAt(0) - 0xdc00),
    ),
  )
}
