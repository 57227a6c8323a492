import { FsqError, reasonOf } from '../errors.js'
import { checkMembers } from '../members.js'
import { isDirectory, renameDirectory, statEntry } from '../posix/names.js'
import { countArriving, foreignEntry, waitingDirectories } from './contents.js'
import type { QueueContext, QueuePaths } from './context.js'
import { bringUp, takeDown } from './down.js'
import { checkQueue, failure } from './failure.js'
import { discardHidden, hiddenSibling, syncParent } from './hidden.js'
import { listEntries } from './list-entries.js'

/*
 * Uninstall, fsq(7). What a crash leaves after each step:
 *
 *   1. look for items that wait                    the queue
 *   2. mark the queue down, so that scans stop     a queue that is down
 *   3. rename it to a hidden directory beside it   a hidden directory .NAME.uninstall-*
 *   4. look again, fsync the root; where items
 *      wait, or it fails, undo 3 and 2             the same, or a queue that is down, or the queue
 *   5. remove the hidden directory                 some of it, which repair removes
 *
 * The second look decides: whoever was enqueueing until the rename has either been acknowledged,
 * and the item is found, or fails because the queue is gone.
 */

/** How a queue is uninstalled. */
export interface UninstallOptions {
  /** Remove it although items wait in queue/; they are lost. @defaultValue false */
  readonly force?: boolean | undefined
}

const uninstallOptions: ReadonlySet<string> = new Set<keyof UninstallOptions>(['force'])

/**
 * Removes a queue, its finished and failed items included. A directory with anything in it that is
 * no part of a queue is refused, forced or not, so that no other directory is ever removed.
 *
 * @throws {@link FsqError} `FSQ_QUEUE_NOT_EMPTY` where items wait to be worked on, in the queue or in
 * one of its host queues, `FSQ_NO_QUEUE`, `FSQ_INSTALL`.
 */
export async function uninstallQueue(
  queue: QueueContext,
  options: UninstallOptions = {},
): Promise<void> {
  checkMembers('an option of uninstall', options, uninstallOptions)
  const { force = false } = options
  const { name, paths } = queue
  const hidden = hiddenSibling(queue, 'uninstall')
  try {
    refuseLink(queue)
    refuseForeign(queue)
    if (!force) checkQueue(queue)
    if (!force) refuseIfItemsWait(queue, paths)
    const wasDown = statEntry(paths.down) !== undefined
    let moved = false
    try {
      if (!wasDown) takeDown(queue)
      renameDirectory(paths.directory, hidden.paths.directory)
      moved = true
      if (!force) refuseIfItemsWait(queue, hidden.paths)
      await syncParent(queue)
    } catch (error) {
      if (moved) await putBack(queue, hidden)
      if (!wasDown) bringUp(queue)
      throw error
    }
    discardWhole(queue, hidden)
  } catch (error) {
    throw failure('FSQ_INSTALL', `cannot uninstall ${name}`, error, queue)
  }
}

/**
 * A directory that has what no queue has is somebody else's, or holds what somebody has put there:
 * neither is removed. One that lacks a part of a queue may be; forcing it is how to get rid of it.
 */
function refuseForeign(queue: QueueContext): void {
  const { name, paths } = queue
  if (!isDirectory(paths.directory)) return // Other checks tell more.
  const foreign = foreignEntry(queue, paths.directory)
  if (foreign === undefined) return
  throw new FsqError(
    'FSQ_NO_QUEUE',
    `not removed: ${paths.directory} has ${foreign}, which is no part of a queue; move it elsewhere`,
    { queue: name, path: paths.directory },
  )
}

/** A link to a queue elsewhere is not ours to remove, and the queue that it leads to even less. */
function refuseLink({ name, paths }: QueueContext): void {
  if (statEntry(paths.directory)?.isSymbolicLink() !== true) return
  throw new FsqError('FSQ_NO_QUEUE', `not a queue: ${paths.directory} is a symbolic link`, {
    queue: name,
    path: paths.directory,
  })
}

/** From here on the queue is gone; what cannot be removed of it now, repair removes. */
function discardWhole({ name }: QueueContext, hidden: QueueContext): void {
  const { directory } = hidden.paths
  try {
    discardHidden(hidden)
  } catch (cause) {
    throw new FsqError(
      'FSQ_INSTALL',
      `${name} is uninstalled, but not all of it could be removed: ${reasonOf(cause)}; "fsq repair ` +
        `--older 0s ${name}" removes the rest, which is in ${directory}`,
      { queue: name, path: directory, cause },
    )
  }
}

/** Undoes the rename, to last: somebody's fsync may have made the rename last. */
async function putBack(queue: QueueContext, hidden: QueueContext): Promise<void> {
  const from = hidden.paths.directory
  try {
    renameDirectory(from, queue.paths.directory)
  } catch (cause) {
    throw new FsqError(
      'FSQ_INSTALL',
      `${queue.name} cannot be put back (${reasonOf(cause)}), and may have items; it is in ${from}`,
      { queue: queue.name, path: from, cause },
    )
  }
  await syncParent(queue)
}

function refuseIfItemsWait(queue: QueueContext, paths: QueuePaths): void {
  const { name } = queue
  const waiting = countWaiting(queue, paths)
  if (waiting === 0) return
  const items = waiting === 1 ? '1 item waits' : `${waiting} items wait`
  throw new FsqError(
    'FSQ_QUEUE_NOT_EMPTY',
    `${items} in ${name}; scan the queue first, or lose them: "fsq uninstall -f ${name}"`,
    { queue: name },
  )
}

/** How many items wait in a queue and its host queues, whose directory is `paths` for now, or are about to. */
function countWaiting(context: QueueContext, paths: QueuePaths): number {
  return waitingDirectories(context, paths)
    .map((path) => listEntries(context, path).length)
    .reduce((sum, count) => sum + count, countArriving(context, paths))
}
