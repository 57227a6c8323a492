/*
 * Keys, which may be any text, as a part of a key of a bucket: what that cannot hold, `.`, which would begin another
 * part, and `=` are written by their bytes as =XX, half a character as =uXXXX, and nothing as `=`.
 */

/** See above. */
export function keyToken(key: string): string {
  if (key === '') return '='
  return key.replace(/[^A-Za-z0-9_/-]/gu, (character) =>
    /\p{Surrogate}/u.test(character)
      ? `=u${hexOf(character.charCodeAt(0), 4)}`
      : [...Buffer.from(character)].map((byte) => `=${hexOf(byte, 2)}`).join(''),
  )
}

/** What was written so; undefined for what {@link keyToken} does not write. */
export function readKeyToken(token: string): string | undefined {
  if (token === '=') return ''
  const key = token.replace(/=u[0-9A-F]{4}|(?:=[0-9A-F]{2})+/g, (escaped) =>
    escaped[1] === 'u'
      ? String.fromCharCode(parseInt(escaped.slice(2), 16))
      : Buffer.from(escaped.replaceAll('=', ''), 'hex').toString(),
  )
  return keyToken(key) === token ? key : undefined
}

function hexOf(number: number, digits: number): string {
  return number.toString(16).toUpperCase().padStart(digits, '0')
}
