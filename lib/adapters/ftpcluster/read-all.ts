import { readPieces } from '../../posix/files.js'

/** All bytes of an open file. */
export async function readAll(fd: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of readPieces(fd, 0)) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}
