import { batchesOf } from '../batches.js'
import { FsqError } from '../errors.js'
import { checkMembers } from '../members.js'
import { inodeOf } from '../posix/inode.js'
import { walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { QueueContext } from '../queue/context.js'
import { downError, isDown } from '../queue/down.js'
import { checkQueue, failure } from '../queue/failure.js'
import { entriesInParts, isHidden } from '../queue/list-entries.js'
import { checkTakesItems, moveItem } from '../queue/move-item.js'
import { printableName } from '../queue/printable.js'
import { isOrdered } from '../queue/sequence.js'
import type { Queue } from '../root/queue.js'
import type { MovedItem } from './move-items.js'

/*
 * Dispersing: the items of one queue go to several others, the oldest first, each to the one in which the
 * fewest wait. For each, locked, the steps of move-item.ts, so that at every moment an item is in one queue;
 * where there is no renameat2(2), one that was cut is in two as one file, and goes to the same queue again.
 *
 * Any number of programs may disperse the same queue, and work on it, and on the others. What waits is counted
 * at the beginning, and again when there is room for no more; so several that disperse at the same time may
 * go beyond the depth, each by what it has in flight.
 */

/** How items are dispersed. */
export interface DisperseOptions {
  /** How many are moved at most, 0 for any number. @defaultValue 0 */
  readonly limit?: number | undefined
  /** A queue in which so many items wait gets no more, 0 for any number. @defaultValue 0 */
  readonly maxDepth?: number | undefined
  /** Also from a queue, and to queues, that are down. @defaultValue false */
  readonly ignoreDown?: boolean | undefined
  /** Ends it before the next items. */
  readonly signal?: AbortSignal | undefined
}

const known: ReadonlySet<string> = new Set<keyof DisperseOptions>([
  'limit',
  'maxDepth',
  'ignoreDown',
  'signal',
])

/** How many items are on their way at the same time: they share the syncs of their directories. */
const inFlight = 64

/** A queue that items go to. */
interface Target {
  readonly context: QueueContext
  waiting: number
}

/**
 * Moves items that wait to other queues on the same file system, the oldest first, each to the one in
 * which the fewest wait, and tells of each. What somebody works on, or moves, is passed over; a target that
 * is down gets nothing. What is told to be moved is there to stay ({@link Settings.durability}).
 *
 * @throws {@link FsqError} `FSQ_DOWN` where the queue, or every target, is down; `FSQ_SEQUENCE` where the
 * queue, or a target, is used in order; `FSQ_NO_QUEUE`, `FSQ_SCAN`; `FSQ_CONFIG` where a down file cannot be looked
 * at; `TypeError` for an option, or for a queue
 * that is there twice; the reason of the signal.
 */
export async function* disperseItems(
  queue: Queue,
  targets: readonly Queue[],
  options: DisperseOptions = {},
): AsyncGenerator<MovedItem> {
  checkMembers('an option of disperseItems', options, known)
  const { limit = 0, maxDepth = 0, ignoreDown = false, signal } = options
  for (const [name, value] of Object.entries({ limit, maxDepth }))
    if (!Number.isSafeInteger(value) || value < 0)
      throw new TypeError(`Expected \`${name}\` to be a whole number, got ${value}`)
  const { context } = queue
  const contexts = targets.map((target) => target.context)
  checkApart([context, ...contexts])
  for (const each of [context, ...contexts]) checkQueue(each)
  checkUnordered(context)
  contexts.forEach(checkTakesItems)
  const isUp = (each: QueueContext): boolean => ignoreDown || !isDown(each)
  const dispersal = new Dispersal(context, contexts, isUp, maxDepth)
  let left = limit === 0 ? Infinity : limit
  for await (const batch of batchesOf(entriesInParts(context, limit), inFlight, signal)) {
    if (!isUp(context)) throw downError([context])
    if (!contexts.some(isUp)) throw downError(contexts)
    // Several rounds, where some of the batch are somebody else's.
    for (let begun = 0; begun < batch.length;) {
      const round = batch.slice(begun, begun + left)
      const results = dispersal.move(round)
      if (results.length === 0) return
      begun += results.length
      for (const moved of await Promise.all(results)) {
        if (moved === undefined) continue
        if (moved.error === undefined) left--
        yield moved
      }
      if (left === 0) return
    }
  }
}

/** @throws `TypeError` */
function checkApart(contexts: readonly QueueContext[]): void {
  if (contexts.length < 2) throw new TypeError('Expected at least one queue to disperse items to')
  const paths = contexts.map(({ paths }) => paths.directory)
  const twice = contexts.find((_, at) => paths.indexOf(paths[at] ?? '') !== at)
  if (twice !== undefined) throw new TypeError(`Expected other queues, got ${twice.name} twice`)
}

/**
 * Each target would have some of the numbers, and who works there in order wait for the others for ever.
 *
 * @throws {@link FsqError} `FSQ_SEQUENCE`
 */
function checkUnordered(queue: QueueContext): void {
  const { name } = queue
  if (!looked(queue, `cannot tell whether ${name} is in order`, () => isOrdered(queue))) return
  const message =
    `cannot disperse ${name}, which is in order (it has seq or nextseq): no other queue would ` +
    `have all of its numbers; work on it where it is`
  throw new FsqError('FSQ_SEQUENCE', message, { queue: name })
}

/** How many items wait where, as far as is known. */
class Dispersal {
  readonly #queue: QueueContext
  readonly #targets: readonly Target[]
  readonly #isUp: (queue: QueueContext) => boolean
  readonly #maxDepth: number

  constructor(
    queue: QueueContext,
    targets: readonly QueueContext[],
    isUp: (queue: QueueContext) => boolean,
    maxDepth: number,
  ) {
    this.#queue = queue
    this.#isUp = isUp
    this.#maxDepth = maxDepth === 0 ? Infinity : maxDepth
    this.#targets = targets.map((context) => ({ context, waiting: countWaiting(context) }))
  }

  /** Moves as many of the first entries as there is room for: none, where there is none. */
  move(entries: readonly string[]): Promise<MovedItem | undefined>[] {
    const moves: Promise<MovedItem | undefined>[] = []
    for (const entry of entries) {
      const target = this.#targetOf(entry, moves.length === 0)
      if (target === undefined) break
      moves.push(this.#moveTo(target, entry))
    }
    return moves
  }

  #targetOf(entry: string, mayCount: boolean): Target | undefined {
    const up = this.#targets.filter(({ context }) => this.#isUp(context))
    const begun = up.find(({ context }) => isOneFile(this.#queue, context, entry))
    if (begun !== undefined) return begun
    const [least] = up.toSorted((a, b) => a.waiting - b.waiting)
    if (least === undefined || least.waiting < this.#maxDepth) return least
    if (!mayCount) return undefined
    for (const target of up) target.waiting = countWaiting(target.context)
    return this.#targetOf(entry, false)
  }

  async #moveTo(target: Target, entry: string): Promise<MovedItem | undefined> {
    const { context } = target
    const id = printableName(entry, this.#queue.reading.charset)
    const about = { queue: this.#queue.name, to: context.name, id }
    target.waiting++
    try {
      return { ...about, outcome: 'moved', newId: await moveItem(this.#queue, context, entry) }
    } catch (error) {
      target.waiting--
      if (!(error instanceof FsqError)) throw error
      if (error.code === 'FSQ_ITEM_LOCKED' || error.code === 'FSQ_NO_ITEM') return undefined
      return { ...about, outcome: 'left', error }
    }
  }
}

function countWaiting(queue: QueueContext): number {
  return looked(queue, `cannot list ${queue.name}`, () => {
    let count = 0
    for (const entry of walkNames(queue.paths.queue)) if (!isHidden(entry, queue)) count++
    return count
  })
}

/** Whether an item is in both queues as one file: a move that was cut. */
function isOneFile(from: QueueContext, to: QueueContext, entry: string): boolean {
  const id = printableName(entry, from.reading.charset)
  return looked(from, `cannot look at item ${id} of ${from.name}`, () => {
    const inode = inodeOf(entryPath(from.paths.queue, entry))
    if (inode === undefined || inode.links < 2) return false
    return inodeOf(entryPath(to.paths.queue, entry))?.key === inode.key
  })
}

/** @throws {@link FsqError} `FSQ_SCAN`, `FSQ_NO_QUEUE`; the rest of the message is the reason. */
function looked<T>(queue: QueueContext, attempt: string, look: () => T): T {
  try {
    return look()
  } catch (error) {
    throw failure('FSQ_SCAN', attempt, error, queue)
  }
}
