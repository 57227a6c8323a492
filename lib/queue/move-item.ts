import { errnoOf, FsqError } from '../errors.js'
import { toByteString } from '../name/charset.js'
import { formatItemName } from '../name/item-name.js'
import { inodeOf } from '../posix/inode.js'
import type { QueueContext } from './context.js'
import { followingEntropy } from './entropy.js'
import { failure, missingQueue } from './failure.js'
import { type LockedEntry, withLockedEntry } from './locked-entry.js'
import { moveEntry } from './move-entry.js'
import { printableName } from './printable.js'
import { isOrdered, isPast, sequenceOf, workersSequence } from './sequence.js'
import { readSequence } from './sequence-file.js'

/*
 * Moving an item that waits to another queue. What a crash leaves after each step:
 *
 *   1. open it, flock(2) it, look that the name still   the item in the first queue
 *      means it
 *   2. move it, to last in both directories             move-entry.ts: the item in the first queue or in
 *                                                       the second
 *   3. wake who watches, give up the lock, tell the     the item in the second queue
 *      caller
 *
 * Where there is no renameat2(2), a crash may leave the item in both queues, as one file with one lock,
 * as reenqueue by a link does; moving it again completes that. Its times, owner and mode stay as they
 * are.
 */

/**
 * Moves an item of queue/ to that of another queue.
 *
 * @param entry - its name, a byte string
 * @returns its name there: the same, but for the entropy where that was taken.
 * @throws {@link FsqError} `FSQ_NO_ITEM`, `FSQ_ITEM_LOCKED`, `FSQ_MALFORMED` and the other codes of
 * names where it is no work-item, `FSQ_NO_QUEUE`, `FSQ_FINISH`; `FSQ_SEQUENCE` as {@link checkMayLeave}.
 * The item is where it was then.
 */
export async function moveItem(
  from: QueueContext,
  to: QueueContext,
  entry: string,
): Promise<string> {
  return withLockedEntry(from, 'queue', entry, 'move', async (item) => {
    checkMayLeave(from, entry)
    return moveLocked(from, to, item)
  })
}

/**
 * Checks that nobody waits for the turn of an item that is to be moved away: in a queue that is used in order,
 * the items behind it would wait for its number for ever.
 *
 * @throws {@link FsqError} `FSQ_SEQUENCE`
 */
export function checkMayLeave(queue: QueueContext, entry: string): void {
  const number = sequenceOf(entry)
  if (number === undefined || !isOrdered(queue)) return
  const next = readSequence(workersSequence(queue).path)
  if (next !== undefined && isPast(number, next)) return
  const id = printableName(entry, queue.reading.charset)
  const message =
    `cannot move item ${id} of ${queue.name}, which is in order: the items behind it would wait for its ` +
    `number ${number}; work on it where it is`
  throw new FsqError('FSQ_SEQUENCE', message, { queue: queue.name, id })
}

/**
 * Checks that a queue that items are to be moved to is not used in order: they would come without a number,
 * with one that is past, or with that of another item.
 *
 * @throws {@link FsqError} `FSQ_SEQUENCE`; `FSQ_SCAN` where that cannot be told.
 */
export function checkTakesItems(queue: QueueContext): void {
  const { name } = queue
  try {
    if (!isOrdered(queue)) return
  } catch (error) {
    throw failure('FSQ_SCAN', `cannot tell whether ${name} is in order`, error, queue)
  }
  const message =
    `cannot move items to ${name}, which is in order (it has seq or nextseq): they would have no turn there; ` +
    'enqueue their bodies and arguments, with `ordered` (--ordered)'
  throw new FsqError('FSQ_SEQUENCE', message, { queue: name })
}

/**
 * {@link moveItem} for an item that is locked already.
 *
 * @param entropy - the entropy that it gets there; without, it keeps its own
 * @throws {@link FsqError} as that does; the system's error.
 */
export async function moveLocked(
  from: QueueContext,
  to: QueueContext,
  item: LockedEntry,
  entropy = item.name.entropy,
): Promise<string> {
  // To itself it would look moved already, and lose the one name that it has.
  if (inodeOf(from.paths.queue)?.key === inodeOf(to.paths.queue)?.key)
    throw new FsqError('FSQ_FINISH', `${from.name} and ${to.name} are the same queue`)
  try {
    const id = await move(from, to, item, entropy)
    item.wakeAfter()
    return id
  } catch (error) {
    throw explained(from, to, item.id, error)
  }
}

async function move(
  from: QueueContext,
  to: QueueContext,
  { id, path, name }: LockedEntry,
  wanted: string,
): Promise<string> {
  let entropy = wanted
  let target = entropy === name.entropy ? id : formatItemName({ ...name, entropy }, to.writing)
  await moveEntry(
    from,
    path,
    to.paths.queue,
    (taken) => {
      if (taken) {
        entropy = followingEntropy(entropy)
        target = formatItemName({ ...name, entropy }, to.writing)
      }
      return toByteString(target, to.writing.charset)
    },
    { origin: from.paths.queue, isWork: true },
  )
  return target
}

function explained(from: QueueContext, to: QueueContext, id: string, cause: unknown): unknown {
  switch (errnoOf(cause)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return missingQueue(to, cause) ?? cause
    case 'EXDEV':
      return new FsqError(
        'FSQ_FINISH',
        `cannot move item ${id}: ${from.name} and ${to.name} are on different file systems; put it ` +
          'into the other with reenqueue() of the library, and then finish it here',
        { queue: from.name, id, cause },
      )
    default:
      return cause
  }
}
