import type { FsqError } from '../errors.js'
import { checkMembers } from '../members.js'
import { checkQueue } from '../queue/failure.js'
import { readEntry } from '../queue/locked-entry.js'
import { checkTurn, requeueEntry } from '../queue/requeue.js'
import type { Queue } from '../root/queue.js'
import { actOnEntries } from './act-on-entries.js'
import { type Choice, chooseEntries } from './choose-entries.js'

/** Which items become work again, and how. */
export interface RequeueOptions extends Choice {
  /** The directory that they are in. @defaultValue `fail` */
  readonly from?: 'fail' | 'done' | undefined
  /**
   * Whether each gets a name as if it were enqueued now, by this process, and so the age of a new item.
   *
   * @defaultValue false: it keeps its age, and its name but for the tries
   */
  readonly fresh?: boolean | undefined
  /** Change nothing, only tell. @defaultValue false */
  readonly dryRun?: boolean | undefined
  /** Ends it before the next items. */
  readonly signal?: AbortSignal | undefined
}

/** What became of an item that was to be requeued. */
export interface Requeued {
  /** The queue. */
  readonly queue: string
  /** The directory that it was in. */
  readonly from: 'fail' | 'done'
  /** Its name there; with \\xNN for bytes that are not text. */
  readonly id: string
  /** `requeued`, in a dry run `would`; `left` where it is where it was, for the reason of `error`. */
  readonly outcome: 'requeued' | 'would' | 'left'
  /** Its name in queue/, once it is there. */
  readonly newId?: string
  /** Why it was left. */
  readonly error?: FsqError
}

const known: ReadonlySet<string> = new Set<keyof RequeueOptions>([
  'ids',
  'match',
  'olderThan',
  'now',
  'from',
  'fresh',
  'dryRun',
  'signal',
])

/**
 * Moves finished items back to queue/, with no try spent and to be worked on at once, and tells of each.
 * It is under its lock meanwhile; no name that is taken is replaced. What is told to be requeued is
 * there to stay, as what was enqueued is ({@link Settings.durability}). Without `ids`, `match` or
 * `olderThan`, every item of the directory. In a queue that is worked on in order, an item whose number
 * has had its turn is left, with `FSQ_SEQUENCE`: nobody would ever work on it.
 *
 * @throws {@link FsqError} `FSQ_NO_QUEUE`, `FSQ_SCAN`; `TypeError` for an option; the reason of the
 * signal.
 */
export async function* requeueItems(
  queue: Queue,
  options: RequeueOptions = {},
): AsyncGenerator<Requeued> {
  checkMembers('an option of requeue', options, known)
  const { from = 'fail', fresh = false, dryRun = false, signal } = options
  const { context } = queue
  if (!['fail', 'done'].includes(from)) throw new TypeError(`Expected fail or done, got ${from}`)
  checkQueue(context)
  const move = async (entry: string): Promise<string | undefined> => {
    if (!dryRun) return requeueEntry(context, from, entry, { fresh })
    readEntry(context, from, entry)
    checkTurn(context, entry, { fresh })
    return undefined
  }
  for await (const acted of actOnEntries(chooseEntries(context, from, options), move, signal)) {
    const outcome = 'error' in acted ? 'left' : dryRun ? 'would' : 'requeued'
    yield { queue: context.name, from, ...acted, outcome }
  }
}
