/** Bytes in which a piece that is lost, repeated or moved shows: no part is like another. */
export function bytesOf(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24))
}
