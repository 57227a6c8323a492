import { pinDirectory, type PinnedDirectory } from './files.js'
import type { Path } from './path.js'

/*
 * Group commit. A directory is synced as a whole, so changes that wait for the same directory at the
 * same time need one fsync(2) between them. While one runs, those who made further changes gather
 * behind it:
 *
 *   1. a change is made in the directory
 *   2. the fsync of all changes that were made since the last one began
 *   3. whoever made one of them goes on, or learns that it failed
 *
 * A change that is made after an fsync began is never covered by it: it waits for the next. One
 * change alone waits for one fsync and for nothing else.
 *
 * Directories are told apart by their inodes, not by their paths: one that took the place of another
 * meanwhile is not synced by syncing that.
 */

/** The fsyncs that have not begun, by directory. */
const next = new Map<string, Promise<void>>()

/** The fsync that runs, by directory. Never rejects. */
const running = new Map<string, Promise<void>>()

/**
 * Waits until every change that was made in the directory before this call survives the loss of
 * power. Whoever waits for the same directory at the same time shares the fsync(2).
 *
 * @throws the system's error. The fsync is final: whoever made a change takes it back, nobody tries
 * again on that descriptor (fsync(2), Linux: the kernel may have dropped the pages).
 */
export async function syncDirectory(path: Path): Promise<void> {
  await syncPinned(pinDirectory(path))
}

/** {@link syncDirectory} for a directory that is held open; closes it. */
export async function syncPinned(directory: PinnedDirectory): Promise<void> {
  let shared: Promise<void> | undefined
  try {
    shared = next.get(directory.key)
  } catch (error) {
    directory.close()
    throw error
  }
  if (shared !== undefined) {
    directory.close()
    await shared
    return
  }
  const syncing = syncNext(directory)
  next.set(directory.key, syncing)
  await syncing
}

/** Syncs the directory as soon as no other fsync of it runs. */
async function syncNext(directory: PinnedDirectory): Promise<void> {
  const { key } = directory
  try {
    await running.get(key)
    next.delete(key)
    const syncing = directory.sync()
    const settled = syncing.catch(() => undefined)
    running.set(key, settled)
    try {
      await syncing
    } finally {
      if (running.get(key) === settled) running.delete(key)
    }
  } finally {
    directory.close()
  }
}
