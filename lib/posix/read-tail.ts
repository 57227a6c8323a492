import { readSync } from 'node:fs'
import { close, openEntry, statFile } from './files.js'
import type { Path } from './path.js'

/**
 * The last bytes of a regular file, at most so many; nothing of what is none, or is not ours to read.
 * A link is not followed.
 */
export function readTail(path: Path, most: number): Buffer | undefined {
  let fd: number | undefined
  try {
    fd = openEntry(path)
    const stat = statFile(fd)
    if (!stat.isFile()) return undefined
    const bytes = Buffer.alloc(Math.min(most, stat.size))
    const length = readSync(fd, bytes, 0, bytes.length, stat.size - bytes.length)
    return bytes.subarray(0, length)
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) close(fd)
  }
}
