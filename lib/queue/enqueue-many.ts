import { batchesOf } from '../batches.js'
import { errnoOf, FsqError, reasonOf } from '../errors.js'
import { checkMembers } from '../members.js'
import type { Argument } from '../name/encode.js'
import { syncfsReports } from '../posix/file-system.js'
import { close, openDirectory } from '../posix/files.js'
import { getNative } from '../posix/native.js'
import { sync } from '../posix/sync.js'
import { type Body, releaseBody } from './body.js'
import type { QueueContext } from './context.js'
import { Draft, type EnqueueOptions, enqueueOptions } from './draft.js'
import { failure } from './failure.js'
import { publish } from './publish.js'

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

/**
 * From so many items on, one syncfs(2) is faster than an fsync(2) for each: measured on ext4, with a
 * journal and without, and on XFS; with 16 it depends on the file system.
 */
const syncfsFrom = 64

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
  options: Omit<EnqueueOptions, 'entropy'> = {},
): Promise<string[]> {
  checkItems(items)
  checkMembers('an option of enqueueMany', options, enqueueOptions)
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

/** An item on its way: what there is of it, or why it goes no further. */
interface Step {
  readonly item: NewItem
  draft?: Draft
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
  const going = (): Step[] => steps.filter(({ error }) => error === undefined)
  const why = (error: unknown): unknown =>
    failure('FSQ_ENQUEUE', `cannot enqueue to ${queue.name}`, error, queue)
  let flush: Flush | undefined
  try {
    flush = openFlush(queue, items.length)
    for (const item of items) {
      const step: Step = { item }
      try {
        signal?.throwIfAborted()
        step.draft = await writeDraft(queue, item, options)
        if (flush !== undefined || queue.settings.durability === 'none') step.draft.close()
      } catch (error) {
        if (steps.length > 0 && isOutOfFiles(error)) break
        step.error = why(error)
      }
      steps.push(step)
    }
    await syncAll(queue, going(), flush, why)
    signal?.throwIfAborted()
    await linkAll(queue, going(), why)
  } catch (error) {
    for (const item of items.slice(steps.length)) steps.push({ item })
    for (const step of going()) step.error = why(error)
  } finally {
    for (const { draft } of steps) draft?.discard()
    flush?.close()
    for (const { item } of steps) releaseItem(item)
  }
  return steps.map(({ id = '', error }) => (error === undefined ? { id } : { error }))
}

async function writeDraft(
  queue: QueueContext,
  item: NewItem,
  options: EnqueueOptions,
): Promise<Draft> {
  checkMembers('a member of an item', item, members)
  const { body = '', arguments: args = [], ...own } = item
  const given = { ...options }
  // A member that is undefined says nothing, and so must not hide what the call says.
  for (const [member, value] of Object.entries(own))
    if (value !== undefined) Object.assign(given, { [member]: value })
  return Draft.write(queue, body, args, given)
}

function isOutOfFiles(error: unknown): boolean {
  return !(error instanceof FsqError) && ['EMFILE', 'ENFILE'].includes(errnoOf(error) ?? '')
}

function releaseItem(item: unknown): void {
  if (typeof item !== 'object' || item === null || !('body' in item)) return
  if (typeof item.body === 'object' && item.body !== null) releaseBody(item.body as Body)
}

/** A syncfs(2) to come. */
interface Flush {
  readonly run: () => Promise<void>
  readonly close: () => void
}

/** Prepares a syncfs(2), where so many items are to have one. */
function openFlush({ settings, paths }: QueueContext, count: number): Flush | undefined {
  const { durability, syncfs } = settings
  if (durability === 'none' || syncfs === 'never') return undefined
  if (syncfs === 'auto' && count < syncfsFrom) return undefined
  if (!syncfsReports(paths.tmp)) return undefined
  const native = getNative()
  // Open before the first write: syncfs(2) reports what could not be written since.
  const fd = openDirectory(paths.tmp)
  return {
    run: async () => {
      await native.syncfs(fd)
      // An ext4 without a journal flushes the disk before it writes the inodes: once more, after them.
      await sync(fd)
    },
    close: () => {
      close(fd)
    },
  }
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
      await step.draft?.sync()
      step.draft?.close()
    } catch (error) {
      step.error = why(error)
    }
  }
  await Promise.all(steps.map(sync))
}

async function linkAll(
  queue: QueueContext,
  steps: readonly Step[],
  why: (error: unknown) => unknown,
): Promise<void> {
  const link = (): void => {
    for (const step of steps) {
      try {
        step.id = step.draft?.link() ?? ''
      } catch (error) {
        step.error = why(error)
      }
    }
  }
  await publish(queue, link, (directory) => {
    for (const { draft } of steps) draft?.unlink(directory)
  })
}
