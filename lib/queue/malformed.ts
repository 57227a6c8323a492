import { errnoOf } from '../errors.js'
import { longestName } from '../name/item-name.js'
import { statEntry } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { QueueContext } from './context.js'
import { moveEntry } from './move-entry.js'

/**
 * Moves an entry that is no work-item, whatever it is, to fail/ without opening or following it.
 * Where its name is taken there it gets a number behind it.
 *
 * @returns false where somebody else moved it first.
 */
export async function setAsideMalformed(queue: QueueContext, entry: string): Promise<boolean> {
  const from = entryPath(queue.paths.queue, entry)
  let number = 0
  try {
    await moveEntry(queue, from, queue.paths.fail, (taken) => {
      if (taken) number++
      const suffix = number === 0 ? '' : `.${number}`
      return entry.slice(0, longestName - suffix.length) + suffix
    })
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && statEntry(from) === undefined) return false
    throw error
  }
}
