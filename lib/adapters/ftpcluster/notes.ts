import { FsqError, reasonOf } from '../../errors.js'
import { syncDirectory } from '../../posix/directory-sync.js'
import {
  close,
  createFile,
  openIfThere,
  readSmall,
  setOwnership,
  writeFully,
} from '../../posix/files.js'
import type { Ownership } from '../../posix/owner.js'
import { sync } from '../../posix/sync.js'
import { writeWhole } from '../../posix/write-whole.js'

/*
 * Notes in .fsq/ of the home, in JSON: what a process that is killed leaves to the next. Nobody else
 * writes there.
 */

/** What a note says; nothing where there is none. */
export function readNote(path: string): unknown {
  const fd = openIfThere(path)
  if (fd === undefined) return undefined
  try {
    return JSON.parse(readSmall(fd)?.toString() ?? '')
  } catch (cause) {
    throw new FsqError('FSQ_CLUSTER', `cannot read the note ${path}: ${reasonOf(cause)}`, {
      path,
      cause,
    })
  } finally {
    close(fd)
  }
}

/** Makes a file that must not exist, with that owner and mode; returns when its content is there to stay. */
export async function writeNew(path: string, bytes: Uint8Array, owner: Ownership): Promise<void> {
  const fd = createFile(path, 0o600)
  try {
    await writeFully(fd, bytes)
    setOwnership(fd, owner)
    await sync(fd)
  } finally {
    close(fd)
  }
}

/** How the name of a note begins while it is written; who is alone in the directory removes what has such a name. */
export const noteDraft = '.draft-'

/** Makes a note, or another in its place; returns when it is there to stay. */
export async function writeNote(directory: string, name: string, value: object): Promise<void> {
  const draft = `${directory}/${noteDraft}`
  const bytes = Buffer.from(JSON.stringify(value))
  await writeWhole(`${directory}/${name}`, bytes, { draft, mode: 0o600, lasts: true })
  await syncDirectory(directory)
}
