import { errnoOf } from '../errors.js'
import { changeDirectory, changeUnsynced, syncDirectory } from '../posix/directory-sync.js'
import type { PinnedDirectory } from '../posix/files.js'
import { inodeOf } from '../posix/inode.js'
import { moveInto, moveNoReplace, unlink } from '../posix/names.js'
import { entryPath, type Path } from '../posix/path.js'
import type { QueueContext } from './context.js'

/*
 * Moving an entry to another directory of a queue, or to another name in its own. What a crash leaves after each step,
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
 *
 * What becomes work by the move (`isWork`) is synced as an enqueue is, at `enqueue` too, and both places
 * are. Like an enqueue it looks afterwards whether the queue is where it was: one that is moved away
 * meanwhile, as uninstall does, either had the entry before, where whoever moves it sees it, or the move
 * fails.
 */

/** How an entry is moved. */
export interface MoveOptions {
  /** The directory that it leaves. @defaultValue queue/ */
  readonly origin?: string
  /** Whether the move makes it work to do. @defaultValue false */
  readonly isWork?: boolean
  /**
   * What is looked at a moment before it is moved, which is after the syncs of others: what it throws keeps the
   * entry where it is.
   */
  readonly check?: () => void
}

/**
 * Moves an entry to a directory, under the first of the names that is free there: nothing
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
  { origin = queue.paths.queue, isWork = false, check }: MoveOptions = {},
): Promise<void> {
  const { durability } = queue.settings
  const lasts = durability === 'full' || (durability === 'enqueue' && isWork)
  const change = {
    make: (target: PinnedDirectory) => {
      check?.()
      return moveToFree(from, target, nextName)
    },
    undo: (moved: Moved, target: PinnedDirectory) => {
      undo(moved, target.path, from)
    },
    inPlace: isWork,
  }
  const moved = lasts ? await changeDirectory(directory, change) : changeUnsynced(directory, change)
  const linked = moved.how === 'linked'
  if (!linked && !isWork) return
  try {
    // Without its new name on the disk, the loss of power could leave a linked item with neither.
    if (linked && durability === 'enqueue' && !lasts) await syncDirectory(directory)
    if (linked) unlink(from)
    if (lasts) await syncDirectory(origin)
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
