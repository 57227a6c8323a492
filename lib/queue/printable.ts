/** A name for people: bytes that are not UTF-8 as \xNN. */
export function printableName(entry: string): string {
  const bytes = Buffer.from(entry, 'latin1')
  const text = bytes.toString()
  if (!text.includes('\ufffd')) return text
  return entry.replace(/[^\x20-\x7e]/g, (byte) => {
    return `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
