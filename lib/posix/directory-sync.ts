import { pinDirectory } from './files.js'

/*
 * Group commit. A directory is synced as a whole, so changes that wait for the same directory at the
 * same time need one fsync(2) between them. While one runs, the next changes gather behind it:
 *
 *   1. a change is made in the directory, which is held open
 *   2. the fsync of all changes that were made since the last one began
 *   3. whoever made one of them goes on, or learns that it failed
 *
 * A change that is made after an fsync began is never covered by it: it waits for the next. One
 * change alone waits for one fsync and for nothing else.
 */

/** Changes that one fsync is going to cover. */
interface Group {
  /** The directory by a path that keeps meaning it; see {@link pinDirectory}. */
  readonly path: string
  readonly synced: Promise<void>
  changes: number
}

/** The groups that still take changes, by the path of their directory. */
const gathering = new Map<string, Group>()

/** The fsync that runs, by the path of its directory. Never rejects. */
const running = new Map<string, Promise<void>>()

/**
 * Makes a change in a directory and waits until it survives the loss of power. Changes in the same
 * directory at the same time share their fsync(2).
 *
 * @param change - makes the change, at once; gets the path under which the directory is held open.
 * Throws where there is nothing to sync.
 * @throws the system's error where the directory cannot be opened or synced. The fsync is final: the
 * caller takes its change back, nobody tries again on that descriptor (fsync(2), Linux: the kernel
 * may have dropped the pages).
 */
export async function changeDurably<T>(directory: string, change: (path: string) => T): Promise<T> {
  const group = gathering.get(directory) ?? gather(directory)
  const result = change(group.path)
  group.changes++
  await group.synced
  return result
}

/** {@link changeDurably} without the fsync: the change may be undone by the loss of power. */
export function changeQuickly<T>(directory: string, change: (path: string) => T): T {
  const pinned = pinDirectory(directory)
  try {
    return change(pinned.path)
  } finally {
    pinned.close()
  }
}

/** Opens the directory and syncs it as soon as no other fsync of it runs. */
function gather(directory: string): Group {
  const pinned = pinDirectory(directory)
  const sync = async (): Promise<void> => {
    await (running.get(directory) ?? Promise.resolve())
    gathering.delete(directory)
    try {
      // Where every change failed there is nothing to wait for.
      if (group.changes === 0) return
      const syncing = pinned.sync()
      const settled = syncing.catch(() => undefined)
      running.set(directory, settled)
      await syncing.finally(() => {
        if (running.get(directory) === settled) running.delete(directory)
      })
    } finally {
      pinned.close()
    }
  }
  const group: Group = { path: pinned.path, synced: sync(), changes: 0 }
  // Where its changes all failed, nobody waits for it.
  group.synced.catch(() => undefined)
  gathering.set(directory, group)
  return group
}
