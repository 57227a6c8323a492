import writeFileAtomic from 'write-file-atomic'
import { FsqError, reasonOf } from '../../errors.js'
import { syncDirectory } from '../../posix/directory-sync.js'
import { close, openEntry, readSmall } from '../../posix/files.js'
import { stateOf } from '../../posix/inode.js'

/*
 * Notes in .fsq/ of the home, in JSON: what a process that is killed leaves to the next. Nobody else
 * writes there.
 */

/** What a note says; nothing where there is none. */
export function readNote(path: string): unknown {
  if (stateOf(path) === undefined) return undefined
  const fd = openEntry(path)
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

/** Makes a note, or another in its place; returns when it is there to stay. */
export async function writeNote(directory: string, name: string, value: object): Promise<void> {
  await writeFileAtomic(`${directory}/${name}`, JSON.stringify(value))
  await syncDirectory(directory)
}
