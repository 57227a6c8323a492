import { syncfsReports } from '../posix/file-system.js'
import { close, openDirectory } from '../posix/files.js'
import { getNative } from '../posix/native.js'
import { sync } from '../posix/sync.js'
import type { QueueContext } from './context.js'

/**
 * From so many items on, one syncfs(2) is faster than an fsync(2) for each: measured on ext4, with a
 * journal and without, and on XFS; with 16 it depends on the file system.
 */
const syncfsFrom = 64

/** Whether so many files in a directory of a queue are to be made to last by one syncfs(2). */
export function flushesAll(
  { settings: { durability, syncfs } }: QueueContext,
  directory: string,
  count: number,
): boolean {
  if (durability === 'none' || syncfs === 'never') return false
  if (syncfs === 'auto' && count < syncfsFrom) return false
  return syncfsReports(directory)
}

/** A syncfs(2) to come. */
export interface Flush {
  /** All that was written before lasts, and so do the names in the directory. */
  readonly run: () => Promise<void>
  readonly close: () => void
}

/**
 * Prepares it. To be opened before the first write: syncfs(2) reports what could not be written since
 * then, or since the last one.
 */
export function openFlush(directory: string): Flush {
  const native = getNative()
  const fd = openDirectory(directory)
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
