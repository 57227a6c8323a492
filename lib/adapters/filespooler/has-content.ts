import { createHash } from 'node:crypto'
import { close, openIfThere, readPieces } from '../../posix/files.js'
import type { Path } from '../../posix/path.js'

/** Whether that is what a file has in it; nothing where there is no file. */
export async function hasContent(
  path: Path,
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<boolean | undefined> {
  const fd = openIfThere(path)
  if (fd === undefined) return undefined
  try {
    return (await hashOf(readPieces(fd, 0))) === (await hashOf(content))
  } finally {
    close(fd)
  }
}

async function hashOf(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}
