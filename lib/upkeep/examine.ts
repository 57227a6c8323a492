import { errnoOf, FsqError } from '../errors.js'
import { pinDirectory, type PinnedDirectory } from '../posix/files.js'
import { isDirectory, statEntry } from '../posix/names.js'
import { checkQueue, failure } from '../queue/failure.js'
import { resolveLimits } from '../queue/finish.js'
import type { Queue } from '../root/queue.js'
import { changedSettings } from '../settings.js'
import { examineDirectories } from './examine-directories.js'
import { examineEntries } from './examine-entries.js'
import { examineKeys } from './examine-keys.js'
import { examineLeftovers } from './examine-leftovers.js'
import { examineLinks } from './examine-links.js'
import { type AuditOptions, defaultOlder, type Examination, type Found } from './finding.js'
import { type ItemState, itemStates } from './list-items.js'

/*
 * What audit reports and repair mends, one finding after the other:
 *
 *   1. beside the queue: what install and uninstall left
 *   2. the directories of the queue
 *   3. the entries of each directory, in no order and one at a time, however many there are
 *   4. if any of them have several names: which have them here
 *   5. the keys of items that were enqueued with one
 *
 * Each finding brings along how it is mended. Between the two, others may have gone on with the item,
 * so a mend begins with the item's lock and looks again.
 */

/** The directories of a queue that are there, held open, so that no link leads us elsewhere. */
export type Pinned = ReadonlyMap<ItemState, PinnedDirectory>

/** In seconds: how long a step of an operation that is under way may take, fsync included. */
const oneStep = 60

/** Everything that there is to say about a queue. */
export async function* examine(queue: Queue, options: AuditOptions): AsyncGenerator<Found> {
  // Whatever the durability of the queue: a repair that the loss of power undoes is none.
  const settings = changedSettings(queue.context.settings, { durability: 'full' as const })
  const context = { ...queue.context, settings }
  const { older = defaultOlder, now = new Date(context.clock.now()) } = options
  if (!(older >= 0)) throw new TypeError(`Expected \`older\` in seconds, got ${older}`)
  const { ttl, maxTries } = settings
  const examination: Examination = {
    context,
    now: now.getTime(),
    older,
    settled: Math.min(older, oneStep),
    limits: resolveLimits(options, { ttl, maxTries: maxTries > 1 ? maxTries : 0 }),
  }
  const unread: unknown[] = []
  try {
    yield* examineAll(examination, unread)
  } catch (error) {
    throw failed(examination, context.paths.directory, error)
  }
  if (unread.length > 0) throw unread[0]
}

function failed({ context }: Examination, path: string, error: unknown): unknown {
  return failure('FSQ_AUDIT', `cannot examine ${path}`, error, context, { path })
}

/** Adds to `unread` what kept it from a part of the queue, and goes on with the others. */
async function* examineAll(examination: Examination, unread: unknown[]): AsyncGenerator<Found> {
  const { context } = examination
  const { paths } = context
  const cannot = (path: string, error: unknown): void => {
    if (error instanceof FsqError || errnoOf(error) === undefined) throw error
    unread.push(failed(examination, path, error))
  }
  let leftovers = 0
  try {
    for (const each of examineLeftovers(examination)) {
      leftovers++
      yield each
    }
  } catch (error) {
    cannot(paths.parent, error)
  }
  // Of a queue that was uninstalled there is nothing but leftovers.
  if (leftovers > 0 && statEntry(paths.directory) === undefined) return
  checkQueue(context, [])
  // A directory with none of the four is none that we should complete.
  if (itemStates.every((state) => statEntry(paths[state]) === undefined)) checkQueue(context)
  yield* examineDirectories(examination)
  const pinned = new Map<ItemState, PinnedDirectory>()
  try {
    for (const state of itemStates) {
      try {
        if (isDirectory(paths[state])) pin(pinned, state, paths[state])
      } catch (error) {
        cannot(paths[state], error)
      }
    }
    const tally = { linked: 0 }
    for (const state of pinned.keys()) {
      try {
        yield* examineEntries(examination, pinned, state, tally)
      } catch (error) {
        cannot(paths[state], error)
      }
    }
    try {
      if (tally.linked > 0) yield* examineLinks(examination, pinned, tally.linked)
    } catch (error) {
      cannot(paths.directory, error)
    }
    try {
      yield* examineKeys(examination)
    } catch (error) {
      cannot(paths.ids, error)
    }
  } finally {
    for (const directory of pinned.values()) directory.close()
  }
}

/** Holds a directory open that can be searched as well as listed. */
function pin(pinned: Map<ItemState, PinnedDirectory>, state: ItemState, path: string): void {
  const directory = pinDirectory(path)
  try {
    statEntry(`${directory.path}/.`)
    pinned.set(state, directory)
  } finally {
    if (!pinned.has(state)) directory.close()
  }
}
