import { all } from '../all.js'
import { batchesOf } from '../batches.js'
import { errnoOf, FsqError, reasonOf } from '../errors.js'
import { checkMembers } from '../members.js'
import type { Argument } from '../name/encode.js'
import { type Body, releaseBody } from './body.js'
import type { QueueContext } from './context.js'
import {
  checkKeyOptions,
  checkOrderOptions,
  Draft,
  type EnqueueOptions,
  enqueueOptions,
} from './draft.js'
import { failure } from './failure.js'
import { type Flush, flushesAll, openFlush } from './flush.js'
import { claimKey, type DraftKey, presentItem } from './keyed-draft.js'
import { withNumbers } from './numbered.js'
import { publish } from './publish.js'
import { nextInSequence } from './sequence-file.js'

/*
 * Enqueueing many items: the steps of enqueue (enqueue.ts), each for a whole batch before the next,
 * so that the batch shares its syncs. What a crash leaves after each step:
 *
 *   1. write every item to tmp/                  stale files in tmp/
 *   2. syncfs(2) and fsync tmp/, or fsync each   stale files in tmp/
 *   3. link all of them into queue/              some items in queue/, one inode in both places
 *   4. fsync queue/, once                        all of them there, to survive a power cut
 *   5. unlink their names in tmp/                the items in queue/
 *   6. tell the caller, or go on with the next batch
 *
 * Every item is whole or not there, but a batch may be there in part. An item that fails at any step
 * is undone, and the others go on.
 *
 * The keys of those that have one (keyed-draft.ts) are taken between 1 and 2. Nobody waits for a key
 * while holding others, or two batches could wait for each other: an item whose key somebody has, be it
 * one before it in this batch, goes through 2 to 5 once the rest has.
 */

/** An item of {@link Queue.enqueueMany}. */
export interface NewItem extends Omit<EnqueueOptions, 'signal'> {
  /** The body, as for {@link Queue.enqueue}. @defaultValue empty */
  readonly body?: Body | undefined
  /** The arguments, which travel in the name. @defaultValue none */
  readonly arguments?: readonly Argument[] | undefined
}

/** What became of an item: its name in the queue, or why it is not there. */
export type NewItemOutcome =
  | {
      /** The name of the item. */
      readonly id: string
    }
  | {
      /** Why it is not there: a {@link FsqError}, a `TypeError`, or the reason of the signal. */
      readonly error: unknown
    }

/** Some items were not enqueued, or none. */
export class PartialError extends FsqError {
  /**
   * What became of each item that was taken, in their order. After the first batch with a failure no
   * further item is taken.
   */
  readonly outcomes: readonly NewItemOutcome[]

  /** @internal */
  constructor(queue: string, outcomes: readonly NewItemOutcome[], cause: unknown) {
    const failed = outcomes.filter((outcome) => 'error' in outcome).length
    const count =
      failed === 0
        ? `only the first ${outcomes.length} items were enqueued`
        : `${failed} of ${outcomes.length} items were not enqueued`
    super('FSQ_PARTIAL', `${count} to ${queue}: ${reasonOf(cause)}`, { queue, cause })
    this.name = 'PartialError'
    this.outcomes = outcomes
  }
}

/** How many items are on their way to the disk together at most. */
export const batchSize = 512

const members: ReadonlySet<string> = new Set(
  ['body', 'arguments', ...enqueueOptions].filter((member) => member !== 'signal'),
)

/**
 * Enqueues every item, in batches that share their syncs, and returns their names once all of them
 * are there to stay.
 *
 * @throws {@link PartialError} `FSQ_PARTIAL`: its outcomes tell which items are in and which are not.
 */
export async function enqueueItems(
  queue: QueueContext,
  items: Iterable<NewItem> | AsyncIterable<NewItem>,
  options: Omit<EnqueueOptions, 'entropy' | 'sequence' | 'id'> = {},
): Promise<string[]> {
  checkItems(items)
  checkMembers('an option of enqueueMany', options, enqueueOptions)
  checkKeyOptions(options)
  checkOrderOptions(options)
  const { signal } = options
  const outcomes: NewItemOutcome[] = []
  try {
    signal?.throwIfAborted()
    for await (const batch of batchesOf(items, batchSize, signal)) {
      for (let begun = 0; begun < batch.length;) {
        const done = await enqueueBatch(queue, batch.slice(begun), options)
        outcomes.push(...done)
        begun += done.length
        for (const outcome of done) if ('error' in outcome) throw outcome.error
      }
    }
  } catch (error) {
    const isIn = outcomes.some((outcome) => 'id' in outcome)
    if (!isIn && signal?.aborted === true) throw signal.reason
    throw new PartialError(queue.name, outcomes, error)
  }
  return outcomes.map((outcome) => ('id' in outcome ? outcome.id : ''))
}

function checkItems(items: unknown): void {
  const isList = typeof items === 'object' && items !== null
  if (isList && (Symbol.iterator in items || Symbol.asyncIterator in items)) return
  throw new TypeError(`Expected a list of items, got ${items === null ? 'null' : typeof items}`)
}

/** An item on its way: what there is of it, its name once it is there, or why it goes no further. */
interface Step {
  readonly item: NewItem
  options: EnqueueOptions
  draft?: Draft
  key?: DraftKey
  id?: string
  error?: unknown
}

/**
 * Enqueues a batch, or as much of it as files can be open at the same time: the outcomes are those of
 * its first items. Never throws.
 */
async function enqueueBatch(
  queue: QueueContext,
  items: readonly NewItem[],
  options: EnqueueOptions,
): Promise<NewItemOutcome[]> {
  const { signal } = options
  const steps: Step[] = []
  const going = (): Step[] =>
    steps.filter(({ id, error }) => id === undefined && error === undefined)
  const why = (error: unknown): unknown =>
    failure('FSQ_ENQUEUE', `cannot enqueue to ${queue.name}`, error, queue)
  let flush: Flush | undefined
  try {
    if (flushesAll(queue, queue.paths.tmp, items.length)) flush = openFlush(queue.paths.tmp)
    for (const item of items) {
      const step: Step = { item, options }
      try {
        signal?.throwIfAborted()
        step.options = optionsOf(item, options)
        await write(queue, step)
        if (flush !== undefined || queue.settings.durability === 'none') step.draft?.close()
      } catch (error) {
        if (steps.length > 0 && isOutOfFiles(error, item)) break
        step.error = why(error)
      }
      steps.push(step)
    }
    while (going().length > 0) {
      const round = await takeKeys(queue, going(), why)
      if (round.length === 0) continue
      try {
        await syncAll(queue, round, flush, why)
        signal?.throwIfAborted()
        await linkAll(queue, round, why)
      } finally {
        // The next round may need these keys.
        for (const step of round) discard(step)
      }
    }
  } catch (error) {
    for (const item of items.slice(steps.length)) steps.push({ item, options })
    for (const step of going()) step.error = why(error)
  } finally {
    for (const step of steps) discard(step)
    flush?.close()
    for (const { item } of steps) releaseItem(item)
  }
  return steps.map(({ id = '', error }) => (error === undefined ? { id } : { error }))
}

/** The options of an item: its own, and for the rest those of the call. */
function optionsOf(item: NewItem, options: EnqueueOptions): EnqueueOptions {
  checkMembers('a member of an item', item, members)
  const { body, arguments: args, ...own } = item
  const given = { ...options }
  // A member that is undefined says nothing, and so must not hide what the call says.
  for (const [member, value] of Object.entries(own))
    if (value !== undefined) Object.assign(given, { [member]: value })
  checkKeyOptions(given)
  checkOrderOptions(given)
  return given
}

/** Writes an item to tmp/, unless another has its key. */
async function write(queue: QueueContext, step: Step): Promise<void> {
  const { item, options } = step
  const present = await presentItem(queue, options)
  if (present === undefined)
    step.draft = await Draft.write(queue, item.body ?? '', item.arguments ?? [], options)
  else step.id = present
}

/** Takes the keys of items, without waiting for one while holding another; those that go on now. */
async function takeKeys(
  queue: QueueContext,
  steps: readonly Step[],
  why: (error: unknown) => unknown,
): Promise<Step[]> {
  const round: Step[] = []
  let holds = false
  for (const step of steps) {
    const { draft, options } = step
    if (draft === undefined) continue
    try {
      const { key, present, isBusy } = await claimKey(queue, draft, options, !holds)
      if (isBusy === true) continue
      if (key !== undefined) {
        holds = true
        step.key = key
      }
      if (present === undefined) round.push(step)
      else step.id = present
    } catch (error) {
      if (holds && isOutOfFiles(error)) break
      step.error = why(error)
    }
  }
  return round
}

/** Once an item is in, or is given up. Harmless twice. */
function discard(step: Step): void {
  step.draft?.discard()
  step.key?.release()
  delete step.draft
  delete step.key
}

/** Whether it would go later: a body that was not opened for that reason can be opened then, but for a stream. */
function isOutOfFiles(error: unknown, item?: NewItem): boolean {
  const isOurs = !(error instanceof FsqError) || (error.code === 'FSQ_BODY' && isFile(item?.body))
  return isOurs && ['EMFILE', 'ENFILE'].includes(errnoOf(error) ?? '')
}

function isFile(body: Body | undefined): boolean {
  return typeof body === 'object' && 'file' in body
}

function releaseItem(item: unknown): void {
  if (typeof item !== 'object' || item === null || !('body' in item)) return
  if (typeof item.body === 'object' && item.body !== null) releaseBody(item.body as Body)
}

async function syncAll(
  { settings }: QueueContext,
  steps: readonly Step[],
  flush: Flush | undefined,
  why: (error: unknown) => unknown,
): Promise<void> {
  if (settings.durability === 'none' || steps.length === 0) return
  if (flush !== undefined) {
    await flush.run()
    return
  }
  const sync = async (step: Step): Promise<void> => {
    try {
      await all([step.draft?.sync(), step.key?.sync()])
      step.draft?.close()
    } catch (error) {
      step.error = why(error)
    }
  }
  await Promise.all(steps.map(sync))
}

/** The items that have a sequence get their numbers in the order in which they are in the batch. */
async function linkAll(
  queue: QueueContext,
  steps: readonly Step[],
  why: (error: unknown) => unknown,
): Promise<void> {
  const ids = new Map<Step, string>()
  const link = (first?: bigint): number => {
    let used = 0
    for (const step of steps) {
      if (step.error !== undefined || step.draft === undefined) continue
      const isNumbered = first !== undefined && step.options.ordered === true
      try {
        const number = isNumbered ? nextInSequence(first, BigInt(used)) : undefined
        ids.set(step, step.draft.link(number))
        if (isNumbered) used++
      } catch (error) {
        step.error = why(error)
      }
    }
    return used
  }
  const makeAll = async (first?: bigint): Promise<number> =>
    publish(
      queue,
      () => link(first),
      (directory) => {
        for (const { draft } of steps) draft?.unlink(directory)
      },
    )
  const ordered = steps.filter(({ options }) => options.ordered === true)
  if (ordered.length === 0) await makeAll()
  else await withNumbers(queue, ordered.length, makeAll, ordered[0]?.options.signal)
  const settle = async ([step, id]: [Step, string]): Promise<void> => {
    try {
      await step.key?.settle(id)
      step.id = id
    } catch (error) {
      step.error = why(error)
    }
  }
  await Promise.all([...ids].map(settle))
}
