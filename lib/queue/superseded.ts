import { close, isSameFile, openIfThere } from '../posix/files.js'
import { unlink } from '../posix/names.js'
import { getNative } from '../posix/native.js'
import { entryPath } from '../posix/path.js'
import type { QueueContext } from './context.js'
import { type KeyEntry, nameIn } from './key.js'

/** An item that waits and that another is to take the place of; locked, so that nobody works on it. */
export interface Superseded {
  /** Removes it from queue/. */
  readonly remove: () => void
  /** Gives the lock up; what was not removed waits on. */
  readonly close: () => void
}

/** Locks the item of a key if it waits in queue/; undefined where somebody works on it, or has. */
export function claimSuperseded({ paths }: QueueContext, entry: KeyEntry): Superseded | undefined {
  const name = nameIn(paths.queue, entry)
  if (name === undefined) return undefined
  const path = entryPath(paths.queue, name)
  const fd = openIfThere(path)
  if (fd === undefined) return undefined
  let kept = false
  try {
    if (!getNative().flock(fd) || !isSameFile(fd, path)) return undefined
    kept = true
    return {
      remove: () => {
        if (isSameFile(fd, path)) unlink(path)
      },
      close: () => {
        close(fd)
      },
    }
  } finally {
    if (!kept) close(fd)
  }
}
