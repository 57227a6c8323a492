import { errnoOf, FsqError } from '../errors.js'
import { fromByteString } from '../name/charset.js'
import { longestName, type ParsedItemName, parseItemName } from '../name/item-name.js'
import { close, isSameFile, openEntry } from '../posix/files.js'
import { statEntry } from '../posix/names.js'
import { getNative } from '../posix/native.js'
import { entryPath, type Path } from '../posix/path.js'
import type { QueueContext, State } from './context.js'
import { checkQueue, failure, notWorkItem } from './failure.js'
import { printableName } from './printable.js'
import { LaterWake } from './wake.js'

/** An item that is there and locked by us. */
export interface LockedEntry {
  /** Its name; with \\xNN for bytes that are not text. */
  readonly id: string
  readonly path: Path
  readonly name: ParsedItemName
  /** The descriptor that holds the lock. */
  readonly fd: number
  /**
   * Wakes who watches, once the lock is given up: who looked while it was held found somebody working on the
   * item, and would not look again.
   */
  readonly wakeAfter: () => void
}

/**
 * Does something with an item, in whichever directory it is, while it is locked as a worker locks it.
 *
 * @param entry - its name, a byte string
 * @param attempt - what is done, for a message: `requeue`
 * @throws {@link FsqError} `FSQ_NO_ITEM`, `FSQ_ITEM_LOCKED`, `FSQ_MALFORMED` and the other codes of
 * names where it is no work-item, `FSQ_NO_QUEUE`, `FSQ_FINISH`.
 */
export async function withLockedEntry<T>(
  queue: QueueContext,
  state: State,
  entry: string,
  attempt: string,
  act: (item: LockedEntry) => Promise<T>,
): Promise<T> {
  const path = entryPath(queue.paths[state], entry)
  const id = printableName(entry, queue.reading.charset)
  const fields = { queue: queue.name, id }
  try {
    const name = readEntry(queue, state, entry)
    const fd = openEntry(path)
    using wake = new LaterWake(fd)
    try {
      if (!getNative().flock(fd)) {
        const message = `somebody is working on item ${id}; it is locked`
        throw new FsqError('FSQ_ITEM_LOCKED', message, fields)
      }
      if (!isSameFile(fd, path)) throw gone(queue, state, id)
      return await act({ id, path, name, fd, wakeAfter: wake.ask })
    } finally {
      close(fd)
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && !(error instanceof FsqError)) {
      checkQueue(queue)
      throw gone(queue, state, id)
    }
    throw failure('FSQ_FINISH', `cannot ${attempt} item ${id} of ${queue.name}`, error, queue, {
      id,
    })
  }
}

/**
 * What the name of an item says.
 *
 * @throws {@link FsqError} `FSQ_NO_ITEM`, `FSQ_MALFORMED` and the other codes of names; the system's.
 */
export function readEntry(queue: QueueContext, state: State, entry: string): ParsedItemName {
  const { charset } = queue.reading
  const path = entryPath(queue.paths[state], entry)
  const stat = entry.length > longestName ? undefined : statEntry(path)
  const id = printableName(entry, charset)
  if (stat === undefined) throw gone(queue, state, id)
  try {
    if (!stat.isFile()) throw new FsqError('FSQ_MALFORMED', 'the entry is not a regular file')
    return parseItemName(fromByteString(entry, charset), queue.reading)
  } catch (cause) {
    if (!(cause instanceof FsqError)) throw cause
    throw notWorkItem(queue, state, id, cause)
  }
}

function gone({ name, settings }: QueueContext, state: State, id: string): FsqError {
  const message = `no such item in ${settings[`${state}Dir`]}/ of ${name}: ${id}`
  return new FsqError('FSQ_NO_ITEM', message, { queue: name, id })
}
