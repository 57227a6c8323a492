import { fromByteString } from '../name/charset.js'
import { parseItemName } from '../name/item-name.js'
import { firstNames, sortNames } from '../name/order.js'
import { sortedNames } from '../name/sorted-names.js'
import { pinDirectory } from '../posix/files.js'
import { listNames, walkNames } from '../posix/names.js'
import type { QueueContext } from './context.js'
import { failure } from './failure.js'

/**
 * The names in a directory of a queue that concern fsq, as byte strings, in the order of
 * enqueueing. A link in place of the directory is not followed: who can write to the directory of a
 * queue must not make us list, and then work on, files from anywhere.
 *
 * @throws {@link FsqError} `FSQ_NO_QUEUE`, `FSQ_SCAN`
 */
export function listEntries(queue: QueueContext, directory: string): string[] {
  return listing(queue, directory, (path) =>
    sortNames(listNames(path).filter((entry) => !isHidden(entry, queue))),
  )
}

/**
 * {@link listEntries}, for many: holds a fraction of the memory, and reads the directory at once nevertheless.
 *
 * @throws {@link FsqError} `FSQ_NO_QUEUE`, `FSQ_SCAN`
 */
function manyEntries(queue: QueueContext, directory: string): Iterable<string> {
  return listing(queue, directory, (path) => sortedNames(concerning(queue, walkNames(path, 1))))
}

/**
 * The first of {@link listEntries}, at most so many, of those behind `after` if that is given; holds
 * no more than that in memory, however many there are.
 *
 * @param skip - which of them to leave out, before they count: each listing costs a walk through the
 * whole directory, so what is of no use must not make for more of them
 * @throws {@link FsqError} `FSQ_NO_QUEUE`, `FSQ_SCAN`
 */
export function firstEntries(
  queue: QueueContext,
  directory: string,
  most: number,
  after?: string,
  skip?: (entry: string) => boolean,
): string[] {
  return listing(queue, directory, (path) =>
    firstNames(concerning(queue, walkNames(path), skip), most, after),
  )
}

function listing<T>(queue: QueueContext, directory: string, list: (path: string) => T): T {
  try {
    const pinned = pinDirectory(directory)
    try {
      return list(pinned.path)
    } finally {
      pinned.close()
    }
  } catch (error) {
    throw failure('FSQ_SCAN', `cannot list ${queue.name}`, error, queue)
  }
}

function* concerning(
  queue: QueueContext,
  names: Iterable<string>,
  skip?: (entry: string) => boolean,
): Generator<string> {
  for (const name of names) if (!isHidden(name, queue) && skip?.(name) !== true) yield name
}

/** Editors and NFS leave hidden files; only with `.` as its delimiter is such a name an item. */
export function isHidden(entry: string, { reading }: QueueContext): boolean {
  if (!entry.startsWith('.')) return false
  try {
    parseItemName(fromByteString(entry, reading.charset), reading)
    return false
  } catch {
    return true
  }
}

/** How many names are listed at a time with a limit, at least: some may be somebody else's. */
const window = 1000

/** The entries of queue/, listed at once or, with a limit, in parts. */
export function* entriesInParts(queue: QueueContext, limit: number): Generator<string> {
  const directory = queue.paths.queue
  if (limit === 0) {
    yield* manyEntries(queue, directory)
    return
  }
  const most = Math.max(limit, window)
  let entries: string[] = []
  do {
    entries = firstEntries(queue, directory, most, entries.at(-1))
    yield* entries
  } while (entries.length === most)
}
