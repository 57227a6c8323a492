import { toByteString } from '../name/charset.js'
import { close, isSameFile, openIfThere } from '../posix/files.js'
import { type Inode, inodeOf } from '../posix/inode.js'
import { unlink, walkNames } from '../posix/names.js'
import { getNative } from '../posix/native.js'
import { entryPath, type Path } from '../posix/path.js'
import { parseItemName } from '../name/item-name.js'
import type { QueueContext } from './context.js'
import { idOf, type KeyEntry } from './key.js'

/** An item that waits and that another is to take the place of; locked, so that nobody works on it. */
export interface Superseded {
  /** Removes it from queue/. */
  readonly remove: () => void
  /** Gives the lock up; what was not removed waits on. */
  readonly close: () => void
}

/** Locks the item of a key if it waits in queue/; undefined where somebody works on it, or has. */
export function claimSuperseded(queue: QueueContext, entry: KeyEntry): Superseded | undefined {
  const path = waitingPath(queue, entry)
  if (path === undefined) return undefined
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

/** Where an item is in queue/: under the name of its link, or under one that a retry gave it. */
function waitingPath(queue: QueueContext, entry: KeyEntry): Path | undefined {
  const file = inodeOf(entry.path)
  if (file === undefined) return undefined
  const directory = queue.paths.queue
  const usual = entryPath(directory, entry.name)
  if (isFile(usual, file)) return usual
  // A retry keeps the timestamp, with which the name begins.
  const { delimiter, timestamp } = parseItemName(idOf(queue, entry), queue.reading)
  const beginning = toByteString(`${delimiter}${timestamp}${delimiter}`, queue.reading.charset)
  for (const name of walkNames(directory, 1)) {
    if (!name.startsWith(beginning)) continue
    const path = entryPath(directory, name)
    if (isFile(path, file)) return path
  }
  return undefined
}

function isFile(path: Path, { key }: Inode): boolean {
  return inodeOf(path)?.key === key
}
