import type { FsqError } from '../errors.js'
import { checkMembers } from '../members.js'
import { checkQueue } from '../queue/failure.js'
import { readEntry } from '../queue/locked-entry.js'
import { checkMayLeave, checkTakesItems, moveItem } from '../queue/move-item.js'
import type { Queue } from '../root/queue.js'
import { actOnEntries } from './act-on-entries.js'
import { type Choice, chooseEntries } from './choose-entries.js'

/** Which items are moved to another queue. */
export interface MoveItemsOptions extends Choice {
  /** Change nothing, only tell. @defaultValue false */
  readonly dryRun?: boolean | undefined
  /** Ends it before the next items. */
  readonly signal?: AbortSignal | undefined
}

/** What became of an item that was to be moved. */
export interface MovedItem {
  /** The queue that it was in. */
  readonly queue: string
  /** The queue that it was to be moved to. */
  readonly to: string
  /** Its name in the first; with \\xNN for bytes that are not text. */
  readonly id: string
  /** `moved`, in a dry run `would`; `left` where it is where it was, for the reason of `error`. */
  readonly outcome: 'moved' | 'would' | 'left'
  /** Its name in the second, once it is there. */
  readonly newId?: string
  /** Why it was left. */
  readonly error?: FsqError
}

const known: ReadonlySet<string> = new Set<keyof MoveItemsOptions>([
  'ids',
  'match',
  'olderThan',
  'now',
  'dryRun',
  'signal',
])

/**
 * Moves items that wait from one queue to another on the same file system, and tells of each. It is
 * under its lock meanwhile, so what somebody works on is left; no name that is taken is replaced. What
 * is told to be moved is there to stay ({@link Settings.durability}). Without `ids`, `match` or
 * `olderThan`, every item. In a queue that is used in order, an item whose turn is to come is left, with
 * `FSQ_SEQUENCE`: those behind it would wait for its number.
 *
 * @throws {@link FsqError} `FSQ_SEQUENCE` where the second queue is used in order; `FSQ_NO_QUEUE`, `FSQ_SCAN`;
 * `TypeError` for an option, or for a queue and itself; the reason of the signal.
 */
export async function* moveItems(
  queue: Queue,
  to: Queue,
  options: MoveItemsOptions = {},
): AsyncGenerator<MovedItem> {
  checkMembers('an option of moveItems', options, known)
  const { dryRun = false, signal } = options
  const [{ context }, { context: target }] = [queue, to]
  if (context.paths.directory === target.paths.directory)
    throw new TypeError(`Expected two queues, got ${context.name} twice`)
  for (const each of [context, target]) checkQueue(each)
  checkTakesItems(target)
  const move = async (entry: string): Promise<string | undefined> => {
    if (!dryRun) return moveItem(context, target, entry)
    readEntry(context, 'queue', entry)
    checkMayLeave(context, entry)
    return undefined
  }
  for await (const acted of actOnEntries(chooseEntries(context, 'queue', options), move, signal)) {
    const outcome = 'error' in acted ? 'left' : dryRun ? 'would' : 'moved'
    yield { queue: context.name, to: target.name, ...acted, outcome }
  }
}
