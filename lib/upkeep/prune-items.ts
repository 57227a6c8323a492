import { checkMembers } from '../members.js'
import { pinDirectory, type PinnedDirectory, type Stats } from '../posix/files.js'
import { removeIfThere, statEntry, walkNames } from '../posix/names.js'
import { entryPath, type Path } from '../posix/path.js'
import type { QueueContext } from '../queue/context.js'
import { failure } from '../queue/failure.js'
import { pinOutput } from '../queue/output.js'
import { printableName } from '../queue/printable.js'
import type { Queue } from '../root/queue.js'
import { turn } from '../turn.js'
import { hasSeveralNames } from './entry.js'
import { finishedAt, isFinishedBy } from './finished-at.js'
import { removeStaleKeys } from './keys.js'
import { newestOf, overflowOf } from './prune-limits.js'
import { pruneOrphans } from './prune-output.js'

/** What is pruned. */
export interface PruneOptions {
  /** The directories to prune, each on its own. @defaultValue `['done']` */
  readonly states?: readonly ('done' | 'fail')[] | undefined
  /**
   * How long ago, in seconds, an item must have been finished to be removed for its age.
   *
   * @defaultValue 7 days; with `keep` 0, so that all others go; with `bytes` none goes for its age
   */
  readonly olderThan?: number | undefined
  /** How many items are kept in any case, those that were finished last. @defaultValue 0 */
  readonly keep?: number | undefined
  /**
   * How many bytes the bodies of the items may have together: of what is left otherwise, the oldest are
   * removed until they have no more. Those that were finished at the same moment go together.
   *
   * @defaultValue any number
   */
  readonly bytes?: number | undefined
  /** Remove nothing, only tell. @defaultValue false */
  readonly dryRun?: boolean | undefined
  /** The time from which age counts. @defaultValue now */
  readonly now?: Date | undefined
  /** Is told of every entry that is (or would be) removed, by its printable name; a promise is waited for. */
  readonly onRemove?: ((state: 'done' | 'fail', id: string) => unknown) | undefined
  /** Is told, after each entry, of how many it is done with; they are counted first. */
  readonly onProgress?: ((entries: number, of: number) => void) | undefined
  /** Ends it before the next entry. */
  readonly signal?: AbortSignal | undefined
}

const known: ReadonlySet<string> = new Set<keyof PruneOptions>([
  'states',
  'olderThan',
  'keep',
  'bytes',
  'dryRun',
  'now',
  'onRemove',
  'onProgress',
  'signal',
])

/** What came of pruning. */
export interface PruneResult {
  /** How many entries were (or would be) removed. */
  readonly removed: number
}

/** Seven days, in seconds. */
export const defaultAge = 7 * 24 * 60 * 60

/**
 * Removes what was finished long ago from done/ (and fail/), with its keys, and with what failed
 * programs wrote, also of items that somebody else has removed. Directories are left alone, links are
 * removed and not followed. Nothing in queue/ or tmp/ is touched, and two that prune at once do no harm.
 * However many entries there are, it takes constant memory, but for the names of `keep` items and 60
 * bytes an entry with `bytes`.
 *
 * @throws {@link FsqError} `FSQ_PRUNE`, `FSQ_NO_QUEUE`; `TypeError` for an option; the reason of the signal.
 */
export async function pruneItems(queue: Queue, options: PruneOptions = {}): Promise<PruneResult> {
  checkOptions(options)
  const { context } = queue
  const { states = ['done'], dryRun = false, onRemove, onProgress, signal } = options
  const { now = new Date(context.clock.now()) } = options
  const { doneDir, failDir } = context.settings
  let removed = 0
  let linked = 0
  let stays: { readonly error: unknown } | undefined
  let [entries, total] = [0, 0]
  if (onProgress !== undefined)
    for (const state of states) await inDirectory(context, state, async ({ path }) => count(path))
  try {
    for (const state of states)
      await inDirectory(context, state, async (directory) => prune(state, directory))
  } finally {
    if (linked > 0 && !dryRun) await pruneKeys()
  }
  return { removed }

  async function prune(
    state: 'done' | 'fail',
    { path: directory }: PinnedDirectory,
  ): Promise<void> {
    const goes = await chooser(directory, options, now)
    const output = state === 'fail' ? pinOutput(context) : undefined
    try {
      for (const entry of walkNames(directory)) {
        await turn()
        signal?.throwIfAborted()
        onProgress?.(Math.min(++entries, total), total)
        const path = entryPath(directory, entry)
        const stat = statEntry(path)
        if (stat === undefined || stat.isDirectory() || !goes(entry, stat)) continue
        if (!dryRun && !remove(path)) continue
        if (!dryRun && output !== undefined) removeIfThere(entryPath(output.path, entry))
        removed++
        if (hasSeveralNames(stat)) linked++
        await onRemove?.(state, printableName(entry, context.reading.charset))
      }
      if (output !== undefined && !dryRun) await pruneOrphans(context, output, now.getTime())
    } finally {
      output?.close()
    }
    if (stays !== undefined) throw stays.error
  }

  /** One that cannot be removed keeps none of the others of its directory; it is told of at the end of that. */
  function remove(path: Path): boolean {
    try {
      return removeIfThere(path)
    } catch (error) {
      stays ??= { error }
      return false
    }
  }

  async function pruneKeys(): Promise<void> {
    try {
      await removeStaleKeys(context)
    } catch (error) {
      throw failure('FSQ_PRUNE', `cannot prune the keys of ${context.name}`, error, context)
    }
  }

  async function count(directory: string): Promise<void> {
    for (const entry of walkNames(directory)) {
      await turn()
      signal?.throwIfAborted()
      if (entry !== '') total++
    }
  }

  async function inDirectory(
    { paths, name }: QueueContext,
    state: 'done' | 'fail',
    act: (directory: PinnedDirectory) => Promise<void>,
  ): Promise<void> {
    try {
      const directory = pinDirectory(paths[state])
      try {
        await act(directory)
      } finally {
        directory.close()
      }
    } catch (error) {
      const where = `${name}/${state === 'done' ? doneDir : failDir}`
      throw failure('FSQ_PRUNE', `cannot prune ${where}`, error, context)
    }
  }
}

function checkOptions(options: PruneOptions): void {
  checkMembers('an option of prune', options, known)
  const { states = [], olderThan = 0, keep = 0, bytes = 0 } = options
  if (!(olderThan >= 0)) throw new TypeError(`Expected \`olderThan\` in seconds, got ${olderThan}`)
  for (const [name, value] of Object.entries({ keep, bytes })) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new TypeError(`Expected \`${name}\` to be a whole number, got ${value}`)
  }
  for (const state of states) {
    if (!['done', 'fail'].includes(state))
      throw new TypeError(`Expected done or fail, got ${state}`)
  }
}

/** Tells of an entry whether it goes. */
async function chooser(
  directory: string,
  { keep, bytes, olderThan, signal }: PruneOptions,
  now: Date,
): Promise<(entry: string, stat: Stats) => boolean> {
  const usually = bytes !== undefined ? Infinity : keep !== undefined ? 0 : defaultAge
  const limit = now.getTime() - (olderThan ?? usually) * 1000
  const isNewest = await newestOf(directory, keep ?? 0, signal)
  const overflow = bytes === undefined ? -Infinity : await overflowOf(directory, bytes, signal)
  return (entry, stat) => {
    const time = finishedAt(stat)
    return (isFinishedBy(limit, stat) || time <= overflow) && !isNewest(entry, time)
  }
}
