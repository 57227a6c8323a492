import { errnoOf, FsqError } from '../errors.js'
import { toByteString } from '../name/charset.js'
import { formatItemName, type ItemName, type ParsedItemName } from '../name/item-name.js'
import { isSameFile, type FileStat } from '../posix/files.js'
import type { Path } from '../posix/path.js'
import { checkedSetting } from '../settings.js'
import type { QueueContext } from './context.js'
import { followingEntropy } from './entropy.js'
import { failure, missingQueue, noItem } from './failure.js'
import type { Item } from './item.js'
import { moveEntry } from './move-entry.js'
import { touch } from './touch.js'

/*
 * Finishing, fsq(7): done, fail, retry. The item is locked. What a crash leaves after each step:
 *
 *   1. look that queue/NAME is the item              the item in queue/, unlocked
 *   2. set its mtime to now, or for another try      the same, perhaps with that mtime
 *      to the earliest time of that, if it has one
 *   3. move it to done/, fail/ or tries+1, to last   move-entry.ts
 *   4. tell the caller, give up the lock             the item in its new place
 *
 * A name that is taken is never replaced: both items survive, the second under a fresh entropy.
 */

/** Where an item is after it was finished. */
export interface Outcome {
  /** The directory that it is in now. */
  readonly state: 'done' | 'fail' | 'queue'
  /** Its name there. */
  readonly id: string
  /**
   * Why it failed permanently although a temporary failure was asked for: `FSQ_MAX_TRIES`,
   * `FSQ_TTL_EXPIRED`, or `FSQ_NAME_TOO_LONG` where one more try does not fit into the name.
   */
  readonly reason?: FsqError
  /** The earliest time of its next try, where it is in queue/ and waits for one. */
  readonly notBefore?: Date
}

/** How long an item may be tried. */
export interface Limits {
  /** How often it is tried before it fails permanently, 0 for ever. */
  readonly maxTries: number
  /** The age in seconds at which it fails permanently, 0 for none. */
  readonly ttl: number
}

/**
 * The limits that are given, and for those that are not the ones to fall back on.
 *
 * @throws `TypeError` for a limit that is no whole number.
 */
export function resolveLimits(given: Partial<Limits>, fallback: Limits): Limits {
  return {
    maxTries: checkedSetting('maxTries', given.maxTries ?? fallback.maxTries),
    ttl: checkedSetting('ttl', given.ttl ?? fallback.ttl),
  }
}

/** What {@link Item.failTmp} takes. */
export interface RetryOptions extends Partial<Limits> {
  /**
   * Do not try again before this time: it becomes the mtime of the item, where that belongs to this
   * process's user. The Python fsq does not wait.
   *
   * @defaultValue at once
   */
  readonly notBefore?: Date
}

/** Their names. */
export const retryOptions: ReadonlySet<string> = new Set<keyof RetryOptions>([
  'notBefore',
  'maxTries',
  'ttl',
])

/** An item that is about to be finished, and for {@link retry} its limits. */
export interface Finishing {
  readonly queue: QueueContext
  readonly id: string
  readonly path: Path
  readonly name: ParsedItemName
  /** The descriptor that holds the lock; undefined where nothing was opened. */
  readonly fd: number | undefined
  /** What fstat(2) says of the descriptor. */
  readonly stat: FileStat | undefined
  readonly limits: Limits
  /** For {@link retry}: the earliest time of the next try. */
  readonly notBefore?: Date | undefined
}

/** Moves an item to done/. */
export async function succeed(item: Finishing): Promise<Outcome> {
  return { state: 'done', id: await move(item, item.queue.paths.done, item.name) }
}

/** Moves an item to fail/. */
export async function fail(item: Finishing, reason?: FsqError): Promise<Outcome> {
  const id = await move(item, item.queue.paths.fail, item.name)
  return { state: 'fail', id, ...(reason === undefined ? {} : { reason }) }
}

/** Leaves an item in queue/ with one more try spent, or moves it to fail/ where it has no more. */
export async function retry(item: Finishing): Promise<Outcome> {
  const { queue, id, limits } = item
  const name = { ...item.name, tries: item.name.tries + 1 }
  const reason =
    spent({ ...name, queue: queue.name, id }, limits, queue.clock.now()) ?? tooLong(item, name)
  if (reason !== undefined) return fail(item, reason)
  const { notBefore } = item
  const moved = await move(item, queue.paths.queue, name)
  return { state: 'queue', id: moved, ...(notBefore === undefined ? {} : { notBefore }) }
}

/** Why an item may not be tried (again), if so: fsq-scan(1), -m and -t. */
export function spent(
  { queue, id, tries, enqueuedAt }: Pick<Item, 'queue' | 'id' | 'tries' | 'enqueuedAt'>,
  { maxTries, ttl }: Limits,
  now: number,
): FsqError | undefined {
  const fields = { queue, id }
  if (maxTries > 0 && tries >= maxTries) {
    const counts = `${maxTries} (${tries})`
    return new FsqError(
      'FSQ_MAX_TRIES',
      `Max tries exceeded: ${counts} for item ${id}; failed permanently`,
      fields,
    )
  }
  if (ttl > 0 && now >= enqueuedAt.getTime() + ttl * 1000) {
    return new FsqError(
      'FSQ_TTL_EXPIRED',
      `TTL expired: ${ttl} for item ${id}; failed permanently`,
      fields,
    )
  }
  return undefined
}

/** The tenth try has a digit more than the ninth, which may be one byte too many for a name. */
function tooLong({ queue, id }: Finishing, name: ItemName): FsqError | undefined {
  try {
    formatItemName(name, queue.writing)
    return undefined
  } catch (cause) {
    const message = `no room for another try in the name of item ${id}; failed permanently`
    return new FsqError('FSQ_NAME_TOO_LONG', message, { queue: queue.name, id, cause })
  }
}

/** Moves an item to a directory and returns its name there. */
async function move(item: Finishing, directory: string, name: ItemName): Promise<string> {
  const { queue, id, path, fd, stat } = item
  const { charset } = queue.writing
  const staysInQueue = directory === queue.paths.queue
  // Where the name does not change, it is kept to the byte, however its writer escaped it.
  let target = id
  let entropy = name.entropy
  const nextName = (taken: boolean): string => {
    if (taken) {
      entropy = followingEntropy(entropy)
      target = formatItemName({ ...name, entropy }, queue.writing)
    }
    return toByteString(target, charset)
  }
  const check = (): void => {
    if (fd === undefined) return
    if (!isSameFile(fd, path, stat)) throw noItem(queue.name, id)
    const time = staysInQueue ? item.notBefore : new Date(queue.clock.now())
    if (time !== undefined) touch(fd, time)
  }
  try {
    if (staysInQueue) target = formatItemName(name, queue.writing)
    await moveEntry(queue, path, directory, nextName, { check })
    return target
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw missingQueue(queue, error) ?? noItem(queue.name, id)
    throw failure('FSQ_FINISH', `cannot finish item ${id} of ${queue.name}`, error, queue, {
      id,
      path: directory,
    })
  }
}
