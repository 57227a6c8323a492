import { syncDirectory } from '../posix/directory-sync.js'
import { readLocks } from '../posix/locks.js'
import { statEntry } from '../posix/names.js'
import { removeIfStale } from '../queue/key.js'
import { ageOf, type Examination, type Found, found } from './finding.js'
import { isStaleKey, keysOf } from './keys.js'

/*
 * The keys of items that are gone, or that never came about: whoever enqueues under one of them removes
 * it, and until then it keeps nobody from anything, but the file of an item that was pruned on the disk.
 */

/** The keys without an item. */
export async function* examineKeys(examination: Examination): AsyncGenerator<Found> {
  const { context, settled } = examination
  for await (const path of keysOf(context)) {
    const stat = statEntry(path)
    if (stat === undefined || !isStaleKey(context, path)) continue
    const age = ageOf(examination, stat)
    if (age < settled || readLocks()(stat, context.paths.directory)) continue // Somebody is enqueueing under it.
    const run = async (): Promise<boolean> => {
      if (!removeIfStale(context, path)) return false
      await syncDirectory(context.paths.ids)
      return true
    }
    yield found(examination, {
      kind: 'stale-key',
      path,
      age,
      reason: 'the item that was enqueued under this key is gone, or its enqueue was cut',
      mend: { action: 'removed', run },
    })
  }
}
