import { errnoOf } from '../errors.js'
import { longestName } from '../name/item-name.js'
import { pinDirectory } from '../posix/files.js'
import { renameNoReplace, statEntry } from '../posix/names.js'
import { entryPath, type Path } from '../posix/path.js'
import type { QueueContext } from './context.js'

/**
 * Moves an entry that is no work-item, whatever it is, to fail/ without opening or following it.
 * Where its name is taken there it gets a number behind it.
 *
 * @returns false where somebody else moved it first.
 */
export async function setAsideMalformed(queue: QueueContext, entry: string): Promise<boolean> {
  const from = entryPath(queue.paths.queue, entry)
  const pinned = pinDirectory(queue.paths.fail)
  try {
    const moved = moveOnce(from, entry, pinned.path)
    if (moved) await pinned.sync()
    return moved
  } finally {
    pinned.close()
  }
}

/** Moves it under the first name that is free; false where it is gone. */
function moveOnce(from: Path, entry: string, directory: string): boolean {
  for (let number = 0; ; number++) {
    const suffix = number === 0 ? '' : `.${number}`
    const name = entry.slice(0, longestName - suffix.length) + suffix
    try {
      renameNoReplace(from, entryPath(directory, name))
      return true
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === 'ENOENT' && statEntry(from) === undefined) return false
      if (errno !== 'EEXIST' && errno !== 'ENOTEMPTY') throw error
    }
  }
}
