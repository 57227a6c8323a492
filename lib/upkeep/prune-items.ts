import { setImmediate } from 'node:timers/promises'
import { errnoOf } from '../errors.js'
import { pinDirectory } from '../posix/files.js'
import { statEntry, unlink, walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import { failure } from '../queue/failure.js'
import { printableName } from '../queue/printable.js'
import type { Queue } from '../queue/queue.js'

/** What is pruned. */
export interface PruneOptions {
  /** The directories to prune. @defaultValue `['done']` */
  readonly states?: readonly ('done' | 'fail')[]
  /** How long ago, in seconds, an item must have been finished. @defaultValue 7 days */
  readonly olderThan?: number
  /** Remove nothing, only tell. @defaultValue false */
  readonly dryRun?: boolean
  /** Is told of every entry that is (or would be) removed, by its printable name. */
  readonly onRemove?: (state: 'done' | 'fail', id: string) => void
}

/** What came of pruning. */
export interface PruneResult {
  /** How many entries were (or would be) removed. */
  readonly removed: number
}

/** After so many entries, let other work of this process have a turn. */
const turn = 1024

/** Seven days, in seconds. */
export const defaultAge = 7 * 24 * 60 * 60

/**
 * Removes what was finished long ago from done/ (and fail/): its mtime is the time at which it was
 * finished. Directories are left alone, links are removed and not followed. Nothing in queue/ or
 * tmp/ is touched, and two that prune at once do no harm.
 *
 * @throws {@link FsqError} `FSQ_PRUNE`, `FSQ_NO_QUEUE`
 */
export async function pruneItems(queue: Queue, options: PruneOptions = {}): Promise<PruneResult> {
  const { states = ['done'], olderThan = defaultAge, dryRun = false, onRemove } = options
  const { context } = queue
  const limit = Date.now() - olderThan * 1000
  let removed = 0
  let seen = 0
  for (const state of states) {
    try {
      const directory = pinDirectory(context.paths[state])
      try {
        for (const entry of walkNames(directory.path)) {
          if (++seen % turn === 0) await setImmediate()
          const path = entryPath(directory.path, entry)
          const stat = statEntry(path)
          if (stat === undefined || stat.isDirectory() || stat.mtimeMs > limit) continue
          if (!dryRun && !removedNow(path)) continue
          removed++
          onRemove?.(state, printableName(entry))
        }
      } finally {
        directory.close()
      }
    } catch (error) {
      const where = `${context.name}/${context.settings[`${state}Dir`]}`
      throw failure('FSQ_PRUNE', `cannot prune ${where}`, error, context)
    }
  }
  return { removed }
}

/** False where somebody else was faster. */
function removedNow(path: Parameters<typeof unlink>[0]): boolean {
  try {
    unlink(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}
