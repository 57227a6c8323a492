import { checkMembers } from '../members.js'
import type { ParsedItemName } from '../name/item-name.js'
import { readFifoReaders } from '../posix/fifo-readers.js'
import { pinDirectory, statFile } from '../posix/files.js'
import { type LockOf, readLocks } from '../posix/locks.js'
import { statEntry, walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { QueueContext } from '../queue/context.js'
import { isDown } from '../queue/down.js'
import { checkQueue, failure } from '../queue/failure.js'
import { isHidden } from '../queue/list-entries.js'
import { notBefore } from '../queue/not-before.js'
import { printableName } from '../queue/printable.js'
import type { Queue } from '../root/queue.js'
import type { Settings } from '../settings.js'
import { turn } from '../turn.js'
import { type ItemState, nameOf } from './list-items.js'
import { Newest } from './newest.js'
import { minute, perMinute } from './per-minute.js'
import { finishedAt } from './finished-at.js'

/*
 * Counting a queue, one entry at a time, however many there are. What is held in memory is bounded:
 *
 *   tmp/          the names are counted
 *   queue/        each entry is looked at, too: its mtime says whether it is delayed, its inode
 *                 whether it is locked
 *   done/, fail/  the names are counted. When an entry was finished only its times tell, and to look
 *                 at a million takes seconds. Where the directory has not changed for a minute nothing
 *                 came in that; else the newest by name are looked at, at most `sampled`: items are
 *                 worked on in the order of their names, so those are the ones that came last.
 */

/** So many finished entries are looked at in a directory. */
const sampled = 20_000

/** How a queue is counted. */
export interface StatOptions {
  /** The time from which ages count. @defaultValue now */
  readonly now?: Date | undefined
  /** Ends it: the call throws the reason. */
  readonly signal?: AbortSignal | undefined
}

/** An item that somebody is working on. */
export interface LockedItem {
  /** Its name. */
  readonly id: string
  /** The process that took the lock; a program that it runs may hold it still. */
  readonly pid: number
}

/** What there is in a queue, and how it goes. */
export interface QueueStat {
  /** The queue. */
  readonly queue: string
  /** The time from which ages count. */
  readonly at: Date
  /** How many entries each directory has; hidden files count in tmp alone. */
  readonly items: Readonly<Record<ItemState, number>>
  /** Of those in queue/, the ones that could be worked on now: neither delayed, locked nor malformed. */
  readonly waiting: number
  /** Of those in queue/, the ones that are not to be worked on yet: their mtime is in the future. */
  readonly delayed: number
  /** Of those in queue/, the ones that are no work-items. */
  readonly malformed: number
  /**
   * Of those in queue/, the ones that somebody is working on, as far as this machine can tell: locks
   * of other machines and other PID namespaces are not seen.
   */
  readonly locked: readonly LockedItem[]
  /** How long the one that has waited longest has done so, in seconds; not there if none waits. */
  readonly oldestAge?: number
  /**
   * How many have waited for how long: up to each of {@link ageLimits}, and the last for longer. The
   * age counts from the time of enqueueing; of an item that was never tried, from its mtime if that is
   * later, which is the time before which it was not to be worked on.
   */
  readonly ages: readonly number[]
  /** How many of those in queue/ were tried how often, by '0' to '9', and '10+' for more. */
  readonly tries: Readonly<Record<string, number>>
  /**
   * How many items came to done/ and fail/ in the last minute. Where there are more than 20,000 it goes
   * by the 20,000 with the newest names, and if all of those came within the minute, by how long they
   * took.
   */
  readonly perMinute: Readonly<Record<'done' | 'fail', number>>
  /** Whether the queue is down. */
  readonly down: boolean
  /** Whether it has a trigger; of a host queue, the one that it shares with the others. */
  readonly trigger: boolean
  /** The processes that listen to the trigger; root sees all of them, others only their own. */
  readonly listeners: readonly number[]
}

const known: ReadonlySet<string> = new Set<keyof StatOptions>(['now', 'signal'])

/** The upper limits of {@link QueueStat.ages} in seconds: from 5 minutes, each twice the last. */
export const ageLimits: readonly number[] = [5, 10, 20, 40, 80, 160, 320, 640, 1280].map(
  (minutes) => minutes * 60,
)

/**
 * Counts what is in a queue, without locking or opening an item. Takes a few microseconds for an entry
 * of queue/ and less for a finished one, and memory does not grow with the queue.
 *
 * @throws {@link FsqError} `FSQ_NO_QUEUE`, `FSQ_SCAN`, `FSQ_CONFIG` where the down file cannot be looked at;
 * `TypeError` for an option.
 */
export async function statQueue(queue: Queue, options: StatOptions = {}): Promise<QueueStat> {
  return statQueueWith(processTable(queue.context.settings), queue, options)
}

/** What the system tells about its processes at one moment, to count several queues by. */
export interface ProcessTable {
  readonly lockOf: LockOf
  readonly readersOf: ReturnType<typeof readFifoReaders>
}

/** The processes of now. */
export function processTable({ triggerFifo, hostsTriggerFifo }: Settings): ProcessTable {
  return { lockOf: readLocks(), readersOf: readFifoReaders([triggerFifo, hostsTriggerFifo]) }
}

/** {@link statQueue}, by processes that were looked up before. */
export async function statQueueWith(
  processes: ProcessTable,
  queue: Queue,
  options: StatOptions = {},
): Promise<QueueStat> {
  checkMembers('an option of statQueue', options, known)
  const { context } = queue
  const { now = new Date(context.clock.now()), signal } = options
  signal?.throwIfAborted()
  checkQueue(context)
  const count: Count = { context, now: now.getTime(), signal }
  const waiting = await countWaiting(count, processes)
  const done = await countFinished(count, 'done')
  const fail = await countFinished(count, 'fail')
  const trigger = triggerOf(context)
  const { items, ...others } = waiting
  return {
    queue: context.name,
    at: now,
    items: { queue: items, done: done.items, fail: fail.items, tmp: await countTmp(count) },
    ...others,
    perMinute: { done: done.perMinute, fail: fail.perMinute },
    down: isDown(context),
    trigger: trigger !== undefined,
    listeners: trigger === undefined ? [] : processes.readersOf(trigger),
  }
}

interface Count {
  readonly context: QueueContext
  /** In milliseconds. */
  readonly now: number
  readonly signal: AbortSignal | undefined
}

/** The path of the directory while it is walked through, and its mtime before that. */
interface Walked {
  readonly path: string
  readonly mtimeMs: number
}

/** Calls `visit` with every entry that concerns fsq, and then `end`. */
async function walk(
  { context, signal }: Count,
  state: ItemState,
  visit: (entry: string, directory: Walked) => void,
  end?: (directory: Walked) => Promise<void>,
): Promise<void> {
  try {
    const pinned = pinDirectory(context.paths[state])
    try {
      const walked = { path: pinned.path, mtimeMs: statFile(pinned.fd).mtimeMs }
      for (const entry of walkNames(pinned.path)) {
        const pause = turn()
        if (pause !== undefined) {
          await pause
          signal?.throwIfAborted()
        }
        if (state === 'tmp' || !isHidden(entry, context)) visit(entry, walked)
      }
      await end?.(walked)
    } finally {
      pinned.close()
    }
  } catch (error) {
    const where = `${context.name}/${context.settings[`${state}Dir`]}`
    throw failure('FSQ_SCAN', `cannot count ${where}`, error, context)
  }
}

async function countTmp(count: Count): Promise<number> {
  let items = 0
  await walk(count, 'tmp', () => {
    items++
  })
  return items
}

type Waiting = Pick<
  QueueStat,
  'waiting' | 'delayed' | 'malformed' | 'locked' | 'ages' | 'tries' | 'oldestAge'
>

async function countWaiting(
  count: Count,
  { lockOf }: ProcessTable,
): Promise<Waiting & { items: number }> {
  const { context, now } = count
  const sums = { items: 0, waiting: 0, delayed: 0, malformed: 0 }
  const locked: LockedItem[] = []
  const tries: Record<string, number> = {}
  const ages = [...ageLimits, Infinity].map(() => 0)
  let oldestAge: number | undefined
  await walk(count, 'queue', (entry, { path }) => {
    const stat = statEntry(entryPath(path, entry))
    if (stat === undefined) return // Finished meanwhile.
    sums.items++
    const name = stat.isFile() ? nameOf(context.reading, entry) : undefined
    if (name === undefined) {
      sums.malformed++
      return
    }
    const tried = name.tries < 10 ? String(name.tries) : '10+'
    tries[tried] = (tries[tried] ?? 0) + 1
    const lock = lockOf(stat, context.paths.directory)
    if (lock !== undefined) {
      locked.push({ id: printableName(entry, context.reading.charset), pid: lock.pid })
    } else if (notBefore(stat, now) !== undefined) {
      // A time that somebody set; not what came since we began, or before a clock was put back.
      sums.delayed++
    } else {
      sums.waiting++
      const age = Math.max(0, now - waitsSince(name, stat.mtimeMs)) / 1000
      oldestAge = Math.max(age, oldestAge ?? 0)
      const limit = ageLimits.findIndex((each) => age <= each)
      const column = limit < 0 ? ageLimits.length : limit
      ages[column] = (ages[column] ?? 0) + 1
    }
  })
  return { ...sums, locked, tries, ages, ...(oldestAge === undefined ? {} : { oldestAge }) }
}

/** See {@link QueueStat.ages}; in milliseconds. */
function waitsSince({ enqueuedAt, tries }: ParsedItemName, mtimeMs: number): number {
  const enqueued = enqueuedAt.getTime()
  return tries === 0 ? Math.max(enqueued, mtimeMs) : enqueued
}

async function countFinished(
  count: Count,
  state: 'done' | 'fail',
): Promise<{ items: number; perMinute: number }> {
  const newest = new Newest(sampled)
  const times: number[] = []
  let items = 0
  await walk(
    count,
    state,
    (entry, { mtimeMs }) => {
      items++
      if (mtimeMs >= count.now - minute) newest.add(entry)
    },
    async ({ path }) => {
      for (const entry of newest.names()) {
        await turn()
        const stat = statEntry(entryPath(path, entry))
        if (stat !== undefined) times.push(Math.floor(finishedAt(stat)))
      }
    },
  )
  return { items, perMinute: perMinute(times, items <= sampled, count.now) }
}

function triggerOf(context: QueueContext): ReturnType<typeof statEntry> {
  try {
    const stat = statEntry(context.paths.trigger)
    return stat?.isFIFO() === true ? stat : undefined
  } catch (error) {
    throw failure('FSQ_SCAN', `cannot look at the trigger of ${context.name}`, error, context)
  }
}
