import type { Readable } from 'node:stream'
import type { Digest } from './checksum.js'

/**
 * The bytes of a stream, which go through the digests on their way.
 *
 * @param report - is told why the stream could not be read, or that it has not the length that it is said
 * to have. That is then thrown as well; but so is whatever befalls those who read, and only this is about
 * the stream.
 */
export async function* measured(
  stream: Readable,
  size: number,
  digests: readonly Digest[],
  report: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  const pieces = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array | string>
  let length = 0
  const fail = (error: unknown): never => {
    report(error)
    throw error
  }
  for (;;) {
    const next = await pieces.next().catch(fail)
    if (next.done === true) break
    const piece = typeof next.value === 'string' ? Buffer.from(next.value) : next.value
    length += piece.length
    if (length > size) fail(new WrongLength(`it is longer than ${size} bytes`))
    for (const digest of digests) digest.update(piece)
    yield piece
  }
  if (length < size) fail(new WrongLength(`it has ${length} bytes and not ${size}`))
}

/** A stream has not the length that it is said to have. */
export class WrongLength extends Error {}
