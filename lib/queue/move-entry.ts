import { errnoOf } from '../errors.js'
import { syncDirectory, syncPinned } from '../posix/directory-sync.js'
import { pinDirectory, type PinnedDirectory } from '../posix/files.js'
import { inodeOf } from '../posix/inode.js'
import { moveInto, moveNoReplace, unlink } from '../posix/names.js'
import { entryPath, type Path } from '../posix/path.js'
import type { QueueContext } from './context.js'

/*
 * Moving an entry out of queue/, or to another name in it. What a crash leaves after each step,
 * where renameat2(2) is to be had:
 *
 *   1. rename it               the entry in its new place; after a power cut perhaps in its old one
 *   2. fsync the new place     the entry in its new place
 *
 * and where it is not:
 *
 *   1. link it                 one file in both places
 *   2. fsync the new place     the same
 *   3. unlink the old name     the entry in its new place; after a power cut perhaps in both
 *   4. fsync the old place     the entry in its new place
 *
 * Below the durability `full` the last fsync is left out; below `enqueue` every one. Where an fsync
 * fails the move is undone, so that whoever is told so can try again.
 */

/**
 * Moves an entry of queue/ to a directory, under the first of the names that is free there: nothing
 * is ever replaced.
 *
 * @param nextName - the name to try, a byte string; called with `true` after one was taken, the next
 * @throws the system's error; ENOENT where the entry is gone.
 */
export async function moveEntry(
  queue: QueueContext,
  from: Path,
  directory: string,
  nextName: (taken: boolean) => string,
): Promise<void> {
  const { durability } = queue.settings
  const pinned = pinDirectory(directory)
  let moved: Moved
  try {
    moved = moveToFree(from, pinned, nextName)
  } catch (error) {
    pinned.close()
    throw error
  }
  const linked = moved.how === 'linked'
  // Without its new name on the disk, the loss of power could leave a linked item with neither.
  if (durability === 'full' || (durability === 'enqueue' && linked)) {
    try {
      await syncPinned(pinned)
    } catch (error) {
      undo(moved, directory, from)
      throw error
    }
  } else {
    pinned.close()
  }
  if (!linked) return
  try {
    unlink(from)
    if (durability === 'full') await syncDirectory(queue.paths.queue)
  } catch (error) {
    undo(moved, directory, from)
    throw error
  }
}

interface Moved {
  readonly how: 'renamed' | 'linked'
  readonly name: string
}

function moveToFree(
  from: Path,
  directory: PinnedDirectory,
  nextName: (taken: boolean) => string,
): Moved {
  for (let taken = false; ; taken = true) {
    const name = nextName(taken)
    try {
      return { how: moveInto(from, directory, name), name }
    } catch (error) {
      const errno = errnoOf(error)
      // The same file: an earlier move was cut after its link. This one completes it.
      if (errno === 'EEXIST' && isOneFile(from, entryPath(directory.path, name)))
        return { how: 'linked', name }
      if (errno !== 'EEXIST' && errno !== 'ENOTEMPTY') throw error
    }
  }
}

/**
 * Puts the entry back and removes its new name, where it then has another. The first error is the one
 * that counts: where this fails too, repair finds what is left.
 */
function undo({ name }: Moved, directory: string, from: Path): void {
  const to = entryPath(directory, name)
  try {
    if (inodeOf(from) === undefined && moveNoReplace(to, from) === 'renamed') return
    if (isOneFile(from, to)) unlink(to)
  } catch {
    // See above.
  }
}

function isOneFile(a: Path, b: Path): boolean {
  const inode = inodeOf(a)
  return inode !== undefined && inode.key === inodeOf(b)?.key
}
