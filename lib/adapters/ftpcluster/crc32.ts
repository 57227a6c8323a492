/** The CRC-32 of a text of bytes, one character a byte: that of zlib and gzip. (Node.js 20.9 has none.) */
export function crc32(bytes: string): number {
  let crc = 0xffffffff
  for (let at = 0; at < bytes.length; at++) {
    crc ^= bytes.charCodeAt(at) & 0xff
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
