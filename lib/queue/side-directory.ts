import { errnoOf } from '../errors.js'
import { setDirectoryOwnership } from '../posix/files.js'
import { isDirectory, makeDirectory, removeDirectory } from '../posix/names.js'
import type { Ownership } from '../posix/owner.js'
import type { QueueContext } from './context.js'
import { queueOwnership } from './ownership.js'

/** Makes a directory of a queue that is no part of fsq(7), where there is none. */
export function makeSideDirectory({ settings }: QueueContext, path: string): void {
  if (!isDirectory(path)) makeOwned(path, queueOwnership(settings, {}))
}

/** Makes a directory, with owner and mode or not at all; one that is there stays as it is. */
export function makeOwned(path: string, ownership: Ownership): void {
  try {
    makeDirectory(path, 0o700)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && isDirectory(path)) return // Somebody else made it.
    throw error
  }
  try {
    setDirectoryOwnership(path, ownership)
  } catch (error) {
    removeDirectory(path)
    throw error
  }
}
