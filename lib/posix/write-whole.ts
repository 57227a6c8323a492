import { randomBytes } from 'node:crypto'
import { close, createFile, setOwnership, writeFully } from './files.js'
import { replaceFile, unlink } from './names.js'
import type { Path } from './path.js'
import { sync } from './sync.js'

/** How a file is written by {@link writeWhole}. */
export interface WholeFile {
  /** How its name begins while it is written; a directory of the same file system included. */
  readonly draft: string
  readonly mode: number
  /** Whether it survives the loss of power, once its directory is synced. */
  readonly lasts: boolean
}

/**
 * Makes a file, or one in the place of another: whoever opens it finds the old bytes or the new, whole. A link
 * in its place is replaced, and not followed. What fails leaves the old file, and nothing beside it.
 */
export async function writeWhole(path: Path, bytes: Uint8Array, file: WholeFile): Promise<void> {
  const draft = `${file.draft}${process.pid}-${randomBytes(6).toString('hex')}`
  const fd = createFile(draft, file.mode)
  try {
    setOwnership(fd, { uid: undefined, gid: undefined, mode: file.mode })
    await writeFully(fd, bytes)
    if (file.lasts) await sync(fd)
    replaceFile(draft, path)
  } catch (error) {
    unlink(draft)
    throw error
  } finally {
    close(fd)
  }
}
