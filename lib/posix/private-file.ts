import { constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { close } from './files.js'

/**
 * The text of a file that holds secrets.
 *
 * @throws where others than its owner and its group may read or write it; the system's error.
 */
export function readPrivateFile(path: string): string {
  // Without waiting for the writer of a FIFO.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw new Error('it is not a regular file')
    if ((stat.mode & 0o007) !== 0)
      throw new Error('others may read or write it (chmod o= would help)')
    return readFileSync(fd, 'utf8')
  } finally {
    close(fd)
  }
}

/** The bytes of a file. */
export function readWhole(path: string): Buffer {
  return readFileSync(path)
}
