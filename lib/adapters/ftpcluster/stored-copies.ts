import { createHash } from 'node:crypto'
import type { FileState } from '../../posix/inode.js'
import { listNames, removeIfThere } from '../../posix/names.js'
import { bytesOf } from './escape.js'
import type { FileVersion } from './job.js'
import type { Copy } from './link-file.js'
import { readNote, writeNote } from './notes.js'

/*
 * Which nodes have a copy already of a file that has to be on several: a note in .fsq/ for each such
 * file, until its link file takes its place. It holds of one content only, which its inode and its ctime
 * tell from any other, be it of the same size and the same mtime.
 */

/** The copies that there are of a content. */
export interface StoredCopies extends FileVersion {
  /** The path of the file in the FTP space. */
  readonly name: string
  /** The inode, and the ctime in nanoseconds, of the content. */
  readonly content: string
  /** The copies. */
  readonly copies: readonly Copy[]
}

/** What {@link StoredCopies.content} is for a file. */
export function contentOf({ inode, ctime }: FileState): string {
  return `${inode} ${ctime}`
}

/** What is noted of a file. */
export function readStored(directory: string, name: string): StoredCopies | undefined {
  return readNote(`${directory}/${entryFor(name)}`) as StoredCopies | undefined
}

/** Notes it; returns when that is there to stay. */
export async function noteStored(directory: string, stored: StoredCopies): Promise<void> {
  await writeNote(directory, entryFor(stored.name), stored)
}

/** Forgets what is noted of a file. */
export function forgetStored(directory: string, name: string): void {
  removeIfThere(`${directory}/${entryFor(name)}`)
}

/** What is noted of all files. */
export function allStored(directory: string): StoredCopies[] {
  return listNames(directory)
    .filter((entry) => entry.endsWith('.stored'))
    .flatMap((entry) => (readNote(`${directory}/${entry}`) as StoredCopies | undefined) ?? [])
}

function entryFor(name: string): string {
  return `${createHash('sha256').update(bytesOf(name)).digest('hex').slice(0, 32)}.stored`
}
