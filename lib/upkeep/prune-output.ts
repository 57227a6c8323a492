import type { PinnedDirectory } from '../posix/files.js'
import { removeIfThere, statEntry, walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { QueueContext } from '../queue/context.js'
import { turn } from '../turn.js'
import { isFinishedBy } from './finished-at.js'

/** So long, in milliseconds, a file may be there before its item is in fail/. */
const settled = 60_000

/**
 * Removes the files without an item: it was removed, or moved, by who does not know of them, or the
 * worker died in between.
 */
export async function pruneOrphans(
  { paths }: QueueContext,
  output: PinnedDirectory,
  now: number,
): Promise<void> {
  for (const entry of walkNames(output.path)) {
    await turn()
    const path = entryPath(output.path, entry)
    const stat = statEntry(path)
    if (stat === undefined || stat.isDirectory() || !isFinishedBy(now - settled, stat)) continue
    const places = [paths.fail, paths.queue, paths.done]
    if (places.some((place) => statEntry(entryPath(place, entry)) !== undefined)) continue
    removeIfThere(path)
  }
}
