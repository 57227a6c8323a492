import { FsqError } from '../errors.js'
import { syncDirectory } from '../posix/files.js'
import { listNames, renameDirectory, statEntry } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { Settings } from '../settings.js'
import type { QueueContext, QueuePaths } from './context.js'
import { bringUp, takeDown } from './down.js'
import { checkQueue, failure } from './failure.js'
import { discardTree, hiddenSibling } from './hidden.js'

/*
 * Uninstall, fsq(7). What a crash leaves after each step:
 *
 *   1. look for items that wait                    the queue
 *   2. mark the queue down, so that scans stop     a queue that is down
 *   3. rename it to a hidden directory beside it   a hidden directory .NAME.uninstall-*
 *   4. look again; where items wait, undo 3 and 2  the same, or a queue that is down, or the queue
 *   5. remove the hidden directory                 some of it
 *
 * The second look decides: whoever was enqueueing until the rename has either been acknowledged,
 * and the item is found, or fails because the queue is gone.
 */

/** How a queue is uninstalled. */
export interface UninstallOptions {
  /** Remove it although items wait in queue/; they are lost. @defaultValue false */
  readonly force?: boolean | undefined
}

/**
 * Removes a queue, its finished and failed items included. Only what has a directory of items is
 * taken for a queue, so that no other directory is ever removed.
 *
 * @throws {@link FsqError} `FSQ_QUEUE_NOT_EMPTY` where items wait to be worked on, in the queue or in
 * one of its host queues, `FSQ_NO_QUEUE`, `FSQ_INSTALL`.
 */
export async function uninstallQueue(
  queue: QueueContext,
  { force = false }: UninstallOptions = {},
): Promise<void> {
  const { name, paths, settings } = queue
  const hidden = hiddenSibling(queue, 'uninstall').paths
  checkQueue(queue, force ? [paths.queue] : undefined)
  try {
    if (!force) refuseIfItemsWait(queue, paths)
    const wasDown = statEntry(paths.down) !== undefined
    takeDown(queue)
    try {
      renameDirectory(paths.directory, hidden.directory)
      if (!force) refuseIfItemsWait(queue, hidden)
    } catch (error) {
      if (statEntry(paths.directory) === undefined)
        renameDirectory(hidden.directory, paths.directory)
      if (!wasDown) bringUp(queue)
      throw error
    }
    await syncDirectory(settings.root)
    await discardTree(hidden.directory)
  } catch (error) {
    throw failure('FSQ_INSTALL', `cannot uninstall ${name}`, error, queue)
  }
}

function refuseIfItemsWait({ name, settings }: QueueContext, paths: QueuePaths): void {
  const waiting = countWaiting(paths, settings)
  if (waiting === 0) return
  const items = waiting === 1 ? '1 item waits' : `${waiting} items wait`
  throw new FsqError(
    'FSQ_QUEUE_NOT_EMPTY',
    `${items} in ${name}; scan the queue first, or force it and lose them`,
    { queue: name },
  )
}

/** How many items wait in a queue and its host queues. */
function countWaiting({ queue, directory }: QueuePaths, settings: Settings): number {
  const hosts = `${directory}/${settings.hostsDir}`
  const hostNames = statEntry(hosts)?.isDirectory() === true ? listNames(hosts) : []
  const hostQueues = hostNames.map((host) => entryPath(hosts, `${host}/${settings.queueDir}`))
  return [queue, ...hostQueues.filter((path) => statEntry(path)?.isDirectory() === true)]
    .map((path) => listNames(path).length)
    .reduce((sum, count) => sum + count)
}
