import { pinDirectory, type PinnedDirectory } from '../posix/files.js'
import { statEntry } from '../posix/names.js'
import { checkQueue, failure } from '../queue/failure.js'
import { resolveLimits } from '../queue/finish.js'
import type { Queue } from '../queue/queue.js'
import { examineDirectories } from './examine-directories.js'
import { examineEntries } from './examine-entries.js'
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
  const settings = { ...queue.context.settings, durability: 'full' } as const
  const context = { ...queue.context, settings }
  const { older = defaultOlder, now = new Date() } = options
  if (!(older >= 0)) throw new TypeError(`Expected \`older\` in seconds, got ${older}`)
  const { ttl, maxTries } = settings
  const examination: Examination = {
    context,
    now: now.getTime(),
    older,
    settled: Math.min(older, oneStep),
    limits: resolveLimits(options, { ttl, maxTries: maxTries > 1 ? maxTries : 0 }),
  }
  try {
    yield* examineAll(examination)
  } catch (error) {
    throw failure('FSQ_AUDIT', `cannot examine ${context.name}`, error, context)
  }
}

async function* examineAll(examination: Examination): AsyncGenerator<Found> {
  const { context } = examination
  let leftovers = 0
  for (const each of examineLeftovers(examination)) {
    leftovers++
    yield each
  }
  // Of a queue that was uninstalled there is nothing but leftovers.
  if (leftovers > 0 && statEntry(context.paths.directory) === undefined) return
  checkQueue(context, [])
  // A directory with none of the four is none that we should complete.
  if (itemStates.every((state) => statEntry(context.paths[state]) === undefined))
    checkQueue(context)
  yield* examineDirectories(examination)
  const pinned = new Map<ItemState, PinnedDirectory>()
  try {
    for (const state of itemStates) {
      const path = context.paths[state]
      if (statEntry(path)?.isDirectory() === true) pinned.set(state, pinDirectory(path))
    }
    const tally = { linked: 0 }
    yield* examineEntries(examination, pinned, tally)
    if (tally.linked > 0) yield* examineLinks(examination, pinned, tally.linked)
  } finally {
    for (const directory of pinned.values()) directory.close()
  }
}
