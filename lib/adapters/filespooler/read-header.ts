import { readAt, readOnce } from '../../posix/files.js'
import { checkMetadata, decodeHeader, type Header, metadataLength, prefixLength } from './header.js'
import { decodeMetadata } from './metadata.js'

/** So much is read at once, in bytes: the whole header of nearly every job, and small enough for a pool. */
const piece = 2048

/**
 * Reads the header of a job's file, and leaves the position of the descriptor as it is. It must be a
 * regular file's: see `openEntry`.
 *
 * @throws `FsqError` `FSQ_JOB` for what is not the file of a job.
 */
export function readHeader(fd: number): Header {
  let bytes = readOnce(fd, 0, piece)
  if (bytes.length < prefixLength) bytes = readAt(fd, 0, prefixLength)
  const length = prefixLength + metadataLength(bytes)
  return decodeHeader(length <= bytes.length ? bytes : readAt(fd, 0, length))
}

/**
 * Reads a header from a stream, and not a byte of what follows it.
 *
 * @param pull - the next bytes of the stream, fewer only where it ends
 * @throws `FsqError` `FSQ_JOB` for what is not a job; what `pull` throws.
 */
export async function readHeaderFrom(
  pull: (length: number) => Promise<Uint8Array>,
): Promise<Header> {
  const prefix = await pull(prefixLength)
  const metadata = await pull(metadataLength(prefix))
  checkMetadata(prefix, metadata)
  return { job: decodeMetadata(metadata), length: prefixLength + metadata.length }
}
