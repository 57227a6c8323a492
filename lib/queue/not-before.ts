import type { FileStat } from '../posix/files.js'
import { statEntry } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { QueueContext } from './context.js'

/*
 * Work that must not begin yet. An item that waits has its time as its mtime, in the future: that needs
 * no place in its name, survives restarts, and `ls -l` shows it. The Python fsq does not look at it.
 */

/** How fast the clock of a file server may be, in milliseconds. */
const tolerance = 60_000

/**
 * The last time that a `Date` can tell in every time zone, in milliseconds of the epoch: what is later, as an mtime may
 * be, is told as that.
 */
export const latest = 8.64e15 - 24 * 3600 * 1000

/**
 * When an item may be worked on, in milliseconds of the epoch, if that is not now.
 *
 * A time that somebody set is later than the moment at which it was set, the ctime. An mtime that is
 * merely in the future, since a clock was put back, does not count: work would wait for no reason. Nor
 * does one that was set while the clock was fast, by more than the clock of a file server may be.
 */
export function notBefore(
  { mtimeMs, ctimeMs }: Pick<FileStat, 'mtimeMs' | 'ctimeMs'>,
  now: number,
): number | undefined {
  const wasSet = mtimeMs > ctimeMs && ctimeMs <= now + tolerance
  return mtimeMs > now && wasSet ? Math.min(mtimeMs, latest) : undefined
}

/** {@link notBefore} of an entry of queue/, a byte string; nothing where it is gone. */
export function entryNotBefore({ paths, clock }: QueueContext, entry: string): number | undefined {
  try {
    const stat = statEntry(entryPath(paths.queue, entry))
    return stat && notBefore(stat, clock.now())
  } catch {
    return undefined // Whoever claims it will say what is wrong.
  }
}

/** @throws `TypeError` for what is no time. */
export function checkNotBefore(time: Date | undefined): void {
  if (time === undefined || (time instanceof Date && !Number.isNaN(time.getTime()))) return
  throw new TypeError(`Expected \`notBefore\` to be a date, got ${String(time)}`)
}
