import { FsqError, reasonOf } from '../errors.js'
import type { Argument } from '../name/encode.js'
import { syncDirectory } from '../posix/directory-sync.js'
import { syncfsReports } from '../posix/file-system.js'
import { close, openDirectory } from '../posix/files.js'
import { getNative } from '../posix/native.js'
import { type Body, releaseBody } from './body.js'
import type { QueueContext } from './context.js'
import { Draft, type EnqueueOptions } from './draft.js'
import { failure } from './failure.js'

/*
 * Enqueueing many items: the steps of enqueue (enqueue.ts), each for a whole batch before the next,
 * so that the batch shares its syncs. What a crash leaves after each step:
 *
 *   1. write every item to tmp/                  stale files in tmp/
 *   2. syncfs(2), or fsync of each file          stale files in tmp/
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

/** How many items are on their way to the disk together; each holds a file open meanwhile. */
const most = 512

/**
 * From so many items on, one syncfs(2) is faster than an fsync(2) for each: measured on ext4, with a
 * journal and without, and on XFS; with 16 it depends on the file system.
 */
const syncfsFrom = 64

/**
 * Enqueues every item, in batches that share their syncs, and returns their names once all of them
 * are there to stay.
 *
 * @throws {@link PartialError} `FSQ_PARTIAL`: its outcomes tell which items are in and which are not.
 */
export async function enqueueItems(
  queue: QueueContext,
  items: Iterable<NewItem> | AsyncIterable<NewItem>,
  options: EnqueueOptions = {},
): Promise<string[]> {
  const outcomes: NewItemOutcome[] = []
  try {
    for await (const batch of batchesOf(items)) {
      outcomes.push(...(await enqueueBatch(queue, batch, options)))
      for (const outcome of outcomes.slice(-batch.length)) {
        if ('error' in outcome) throw outcome.error
      }
    }
  } catch (error) {
    throw new PartialError(queue.name, outcomes, error)
  }
  return outcomes.map((outcome) => ('id' in outcome ? outcome.id : ''))
}

/** Batches of the items; what came before a failure of their source is a batch, too. */
async function* batchesOf(
  items: Iterable<NewItem> | AsyncIterable<NewItem>,
): AsyncGenerator<NewItem[]> {
  let batch: NewItem[] = []
  try {
    for await (const item of items) {
      batch.push(item)
      if (batch.length < most) continue
      yield batch
      batch = []
    }
  } catch (error) {
    if (batch.length > 0) yield batch
    throw error
  }
  if (batch.length > 0) yield batch
}

/** An item on its way: what there is of it, or why it goes no further. */
interface Step {
  draft?: Draft
  id?: string
  error?: unknown
}

/** Enqueues a batch; never throws. */
async function enqueueBatch(
  queue: QueueContext,
  items: readonly NewItem[],
  options: EnqueueOptions,
): Promise<NewItemOutcome[]> {
  const steps: Step[] = items.map(() => ({}))
  const going = (): Step[] => steps.filter(({ error }) => error === undefined)
  const why = (error: unknown): unknown =>
    failure('FSQ_ENQUEUE', `cannot enqueue to ${queue.name}`, error, queue)
  let directory: number | undefined
  try {
    // Open before the first write: syncfs(2) reports what could not be written since.
    directory = openDirectory(queue.paths.tmp)
    for (const [index, step] of steps.entries()) {
      const { body = '', arguments: args = [], ...own } = items[index] ?? {}
      try {
        options.signal?.throwIfAborted()
        step.draft = await Draft.write(queue, body, args, { ...options, ...own })
      } catch (error) {
        step.error = why(error)
      }
    }
    await syncAll(queue, going(), directory, why)
    options.signal?.throwIfAborted()
    await linkAll(queue, going(), why)
  } catch (error) {
    for (const step of going()) step.error = why(error)
  } finally {
    for (const { draft } of steps) draft?.discard()
    if (directory !== undefined) close(directory)
    for (const { body } of items) if (typeof body === 'object') releaseBody(body)
  }
  return steps.map(({ id = '', error }) => (error === undefined ? { id } : { error }))
}

async function syncAll(
  { settings, paths }: QueueContext,
  steps: readonly Step[],
  directory: number,
  why: (error: unknown) => unknown,
): Promise<void> {
  const { durability, syncfs } = settings
  if (durability === 'none') return
  const worthwhile = steps.length >= syncfsFrom && syncfsReports(paths.tmp)
  if (syncfs === 'always' || (syncfs === 'auto' && worthwhile)) {
    await getNative().syncfs(directory)
    return
  }
  const sync = async (step: Step): Promise<void> => {
    try {
      await step.draft?.sync()
    } catch (error) {
      step.error = why(error)
    }
  }
  await Promise.all(steps.map(sync))
}

/** Where the fsync fails all names are taken back: the caller is going to be told that it failed. */
async function linkAll(
  { settings, paths }: QueueContext,
  steps: readonly Step[],
  why: (error: unknown) => unknown,
): Promise<void> {
  for (const step of steps) {
    try {
      step.id = step.draft?.link() ?? ''
    } catch (error) {
      step.error = why(error)
    }
  }
  if (settings.durability === 'none') return
  try {
    await syncDirectory(paths.queue)
  } catch (error) {
    for (const { draft } of steps) draft?.unlink()
    throw error
  }
}
