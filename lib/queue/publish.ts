import { changeDirectory } from '../posix/directory-sync.js'
import type { PinnedDirectory } from '../posix/files.js'
import type { QueueContext } from './context.js'

/**
 * Makes names in queue/, to last at every durability but `none`; together with those that others make at
 * the same time.
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
  const undo = (directory: PinnedDirectory): void => {
    takeBack(directory.path)
    takeBack(paths.queue)
  }
  return changeDirectory(paths.queue, {
    make: (directory) => {
      try {
        return make()
      } catch (error) {
        undo(directory)
        throw error
      }
    },
    undo: (_made, directory) => {
      undo(directory)
    },
    inPlace: true,
  })
}
