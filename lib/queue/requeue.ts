import { FsqError } from '../errors.js'
import { toByteString } from '../name/charset.js'
import { formatItemName, type ParsedItemName } from '../name/item-name.js'
import type { QueueContext } from './context.js'
import { nameSource } from './draft.js'
import { followingEntropy } from './entropy.js'
import { type LockedEntry, withLockedEntry } from './locked-entry.js'
import { moveEntry } from './move-entry.js'
import { dropOutput } from './output.js'
import { printableName } from './printable.js'
import { aheadOf, isOrdered, isPast, sequenceOf, workersSequence } from './sequence.js'
import { readSequence } from './sequence-file.js'
import { touch } from './touch.js'

/*
 * Requeue: an item that was finished becomes work again. What a crash leaves after each step:
 *
 *   1. open it, flock(2) it, look that the name still      the item in fail/ (or done/)
 *      means it
 *   2. set its mtime to now: none in the future, which     the same
 *      would mean "not before", goes along
 *   3. move it to queue/ with tries 0, to last             move-entry.ts: in fail/ or in queue/
 *   4. remove what its failed program wrote                the item in queue/, perhaps with a side file
 *                                                          of an item that is gone, which prune removes
 *   5. wake who watches, give up the lock, tell the        the item in queue/
 *      caller
 *
 * Where there is no renameat2(2), a crash may leave one file in both places. Repair then ends it in
 * fail/, where nobody was told that it is no more, unless its name is a fresh one: that somebody has to
 * decide.
 */

/** How an item is requeued. */
export interface RequeueEntryOptions {
  /** Whether it is enqueued anew, as of now and by this process, rather than as old as it is. */
  readonly fresh: boolean
}

/**
 * Moves an item from done/ or fail/ to queue/, with no try spent.
 *
 * @param entry - its name there, a byte string
 * @returns its name in queue/.
 * @throws {@link FsqError} `FSQ_NO_ITEM`, `FSQ_ITEM_LOCKED`, `FSQ_MALFORMED` and the other codes of
 * names where it is no work-item, `FSQ_NAME_TOO_LONG`, `FSQ_NO_QUEUE`, `FSQ_FINISH`; `FSQ_SEQUENCE` as
 * {@link checkTurn}. The item is where it was then.
 */
export async function requeueEntry(
  queue: QueueContext,
  state: 'done' | 'fail',
  entry: string,
  options: RequeueEntryOptions,
): Promise<string> {
  return withLockedEntry(queue, state, entry, 'requeue', async (item) => {
    checkTurn(queue, entry, options)
    touch(item.fd, new Date(queue.clock.now()))
    const newId = await move(queue, state, item, options)
    removeOutput(queue, entry)
    item.wakeAfter()
    return newId
  })
}

/**
 * Checks that an item that is to be requeued would have a turn. In a queue that is used in order, nobody
 * works on one whose number is past, or that has lost its number: it would lie in queue/ for ever, and each
 * worker complain. A number that is next counts as past, since whoever works sees that it was finished.
 *
 * @throws {@link FsqError} `FSQ_SEQUENCE`
 */
export function checkTurn(
  queue: QueueContext,
  entry: string,
  { fresh }: RequeueEntryOptions,
): void {
  const number = sequenceOf(entry)
  if (number === undefined || !isOrdered(queue)) return
  const next = readSequence(workersSequence(queue).path)
  const isOver = next !== undefined && (isPast(number, next) || aheadOf(number, next) === 0n)
  if (!isOver && !fresh) return
  const id = printableName(entry, queue.reading.charset)
  const why = isOver
    ? `its number ${number} has had its turn; enqueue its body and arguments anew, with \`ordered\` (--ordered)`
    : `it would lose its number ${number}; requeue it without \`fresh\` (--fresh)`
  const message = `cannot requeue item ${id} of ${queue.name}, which is in order: ${why}`
  throw new FsqError('FSQ_SEQUENCE', message, { queue: queue.name, id })
}

async function move(
  queue: QueueContext,
  state: 'done' | 'fail',
  { id, path, name }: LockedEntry,
  { fresh }: RequeueEntryOptions,
): Promise<string> {
  const { paths, writing } = queue
  const next = fresh ? nameSource(queue, name.arguments, {}) : namesOfSameAge(queue, id, name)
  let target = ''
  await moveEntry(
    queue,
    path,
    paths.queue,
    (taken) => {
      target = next(taken)
      return toByteString(target, writing.charset)
    },
    { origin: paths[state], isWork: true },
  )
  return target
}

/**
 * The names for an item that stays as old as it is: its own, as far as that has no try spent, and then
 * that with other entropies.
 */
function namesOfSameAge(
  { writing }: QueueContext,
  id: string,
  name: ParsedItemName,
): (taken: boolean) => string {
  let { entropy } = name
  return (taken) => {
    // Where the name does not change, it is kept to the byte, however its writer escaped it.
    if (!taken && name.tries === 0) return id
    if (taken) entropy = followingEntropy(entropy)
    return formatItemName({ ...name, entropy, tries: 0 }, writing)
  }
}

/** What is left of it is a side file without an item, which prune removes. */
function removeOutput(queue: QueueContext, entry: string): void {
  try {
    dropOutput(queue, entry)
  } catch {
    // The item is in.
  }
}
