import { randomBytes } from 'node:crypto'
import { basename } from 'node:path'
import { errnoOf } from '../errors.js'
import { pinDirectory, type PinnedDirectory, setDirectoryOwnership } from '../posix/files.js'
import { makeWhole } from '../posix/make-whole.js'
import { isDirectory, makeDirectory, removeDirectory } from '../posix/names.js'
import type { Ownership } from '../posix/owner.js'
import { entryPath } from '../posix/path.js'
import { writeWhole } from '../posix/write-whole.js'
import type { QueueContext } from './context.js'
import { ownershipLikeQueue } from './ownership.js'

/**
 * Makes a directory of a queue that is no part of fsq(7), where there is none: in tmp/, since it would keep others out
 * for good if we were killed before it has its mode. A crash leaves an empty directory there.
 *
 * @param name - with which its name in tmp/ begins: letters
 * @returns whether it was made by this
 */
export function makeSideDirectory(
  queue: QueueContext,
  path: string,
  name = basename(path).replace(/^\./, ''),
): boolean {
  if (isDirectory(path)) return false
  const built = `${queue.paths.tmp}/${name}-${process.pid}-${randomBytes(6).toString('hex')}`
  return makeWhole(path, built, ownershipLikeQueue(queue))
}

/** Whether the name of a directory in tmp/ is that of one under construction. */
export function isSideDirectoryDraft(entry: string): boolean {
  return /^[a-z]+-\d+-[0-9a-f]{12}$/.test(entry)
}

/**
 * {@link makeSideDirectory}, and holds it open. What is written goes by the path that this gives: whoever may write
 * to the directory of the queue may put a link in its place at any moment, and have root write where it leads.
 */
export function pinSideDirectory(queue: QueueContext, path: string): PinnedDirectory {
  makeSideDirectory(queue, path)
  return pinDirectory(path)
}

/** A file in a directory of {@link makeSideDirectory}. */
export interface SideFile {
  readonly directory: string
  /** Its name, a byte string. */
  readonly name: string
  /** How its name begins while it is written. */
  readonly draft: string
}

/** Makes a file, or one in the place of another, whole by whole. The loss of power may take it. */
export async function writeSideFile(
  queue: QueueContext,
  { directory, name, draft }: SideFile,
  bytes: Uint8Array,
): Promise<void> {
  const pinned = pinSideDirectory(queue, directory)
  try {
    await writeWhole(entryPath(pinned.path, name), bytes, {
      draft: `${pinned.path}/${draft}`,
      mode: queue.settings.itemMode,
      lasts: false,
    })
  } finally {
    pinned.close()
  }
}

/** Makes a directory, with owner and mode or not at all; one that is there stays as it is. */
export function makeOwned(path: string, ownership: Ownership): void {
  try {
    makeDirectory(path, 0o700)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && isDirectory(path)) return // Somebody else made it.
    throw error
  }
  try {
    setDirectoryOwnership(path, ownership)
  } catch (error) {
    removeDirectory(path)
    throw error
  }
}
