import { syncPinned } from '../posix/directory-sync.js'
import { isSameFile, pinDirectory } from '../posix/files.js'
import { systemError } from '../posix/system-error.js'
import type { QueueContext } from './context.js'

/**
 * Makes names in queue/, to last at every durability but `none`.
 *
 * The names are made by the path of queue/, which is held open before and looked at after: a queue
 * that is moved away meanwhile, as uninstall does, either had the names before it was moved, where
 * whoever moves it sees them, or gets none. What is synced is the directory that has the names.
 *
 * @param takeBack - removes the names again, from queue/ or from the path under which it is held open;
 * for when the caller is going to be told that it failed
 * @throws what `make` throws; the system's error.
 */
export async function publish<T>(
  { settings, paths }: QueueContext,
  make: () => T,
  takeBack: (directory: string) => void,
): Promise<T> {
  if (settings.durability === 'none') return make()
  const pinned = pinDirectory(paths.queue)
  let made: T
  try {
    made = make()
    if (!isSameFile(pinned.fd, paths.queue)) throw systemError('ENOENT', paths.queue)
  } catch (error) {
    takeBack(pinned.path)
    takeBack(paths.queue)
    pinned.close()
    throw error
  }
  try {
    await syncPinned(pinned)
    return made
  } catch (error) {
    takeBack(paths.queue)
    throw error
  }
}
