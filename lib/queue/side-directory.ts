import { errnoOf } from '../errors.js'
import { setDirectoryOwnership } from '../posix/files.js'
import { isDirectory, makeDirectory } from '../posix/names.js'
import type { QueueContext } from './context.js'
import { queueOwnership } from './ownership.js'

/** Makes a directory of a queue that is no part of fsq(7), where there is none. */
export function makeSideDirectory({ settings }: QueueContext, path: string): void {
  if (isDirectory(path)) return
  try {
    makeDirectory(path, 0o700)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error // Somebody else made it.
    return
  }
  setDirectoryOwnership(path, queueOwnership(settings, {}))
}
