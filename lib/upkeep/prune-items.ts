import { errnoOf } from '../errors.js'
import { pinDirectory } from '../posix/files.js'
import { statEntry, unlink, walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import { failure } from '../queue/failure.js'
import { printableName } from '../queue/printable.js'
import type { Queue } from '../root/queue.js'
import { turn } from '../turn.js'
import { hasSeveralNames } from './entry.js'
import { removeStaleKeys } from './keys.js'

/** What is pruned. */
export interface PruneOptions {
  /** The directories to prune. @defaultValue `['done']` */
  readonly states?: readonly ('done' | 'fail')[]
  /** How long ago, in seconds, an item must have been finished. @defaultValue 7 days */
  readonly olderThan?: number
  /** Remove nothing, only tell. @defaultValue false */
  readonly dryRun?: boolean
  /** The time from which age counts. @defaultValue now */
  readonly now?: Date | undefined
  /** Is told of every entry that is (or would be) removed, by its printable name. */
  readonly onRemove?: (state: 'done' | 'fail', id: string) => void
}

/** What came of pruning. */
export interface PruneResult {
  /** How many entries were (or would be) removed. */
  readonly removed: number
}

/** Seven days, in seconds. */
export const defaultAge = 7 * 24 * 60 * 60

/**
 * Removes what was finished long ago from done/ (and fail/), with its keys. Directories are left alone, links are removed and not followed. Nothing in queue/ or
 * tmp/ is touched, and two that prune at once do no harm.
 *
 * @throws {@link FsqError} `FSQ_PRUNE`, `FSQ_NO_QUEUE`
 */
export async function pruneItems(queue: Queue, options: PruneOptions = {}): Promise<PruneResult> {
  const {
    states = ['done'],
    olderThan = defaultAge,
    dryRun = false,
    onRemove,
    now = new Date(),
  } = options
  const { context } = queue
  if (!(olderThan >= 0)) throw new TypeError(`Expected \`olderThan\` in seconds, got ${olderThan}`)
  for (const state of states) {
    if (!['done', 'fail'].includes(state))
      throw new TypeError(`Expected done or fail, got ${state}`)
  }
  const limit = now.getTime() - olderThan * 1000
  let removed = 0
  let wereLinked = false
  for (const state of states) {
    try {
      const directory = pinDirectory(context.paths[state])
      try {
        for (const entry of walkNames(directory.path)) {
          await turn()
          const path = entryPath(directory.path, entry)
          const stat = statEntry(path)
          if (stat === undefined || stat.isDirectory() || finishedAt(stat) > limit) continue
          if (!dryRun && !removedNow(path)) continue
          removed++
          wereLinked ||= hasSeveralNames(stat)
          onRemove?.(state, printableName(entry, context.reading.charset))
        }
      } finally {
        directory.close()
      }
    } catch (error) {
      const where = `${context.name}/${context.settings[`${state}Dir`]}`
      throw failure('FSQ_PRUNE', `cannot prune ${where}`, error, context)
    }
  }
  if (wereLinked && !dryRun) {
    try {
      await removeStaleKeys(context)
    } catch (error) {
      const where = `the keys of ${context.name}`
      throw failure('FSQ_PRUNE', `cannot prune ${where}`, error, context)
    }
  }
  return { removed }
}

/**
 * When an entry came to where it is, in milliseconds. Finishing sets the mtime; but other programs do
 * not, nor can whoever does not own the file, and then it is that of enqueueing, perhaps long ago.
 * The ctime is that of the rename at the earliest. Whole milliseconds, as `now` has them: what came
 * in this one is not in the future.
 */
export function finishedAt(stat: { readonly mtimeMs: number; readonly ctimeMs: number }): number {
  return Math.floor(Math.max(stat.mtimeMs, stat.ctimeMs))
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
