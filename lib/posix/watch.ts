import { watch } from 'node:fs'
import type { Path } from './path.js'

/**
 * Tells of the entries that come, go or change in a directory, by their names as byte strings:
 * inotify(7) on Linux, which also tells no name where it cannot. Changes that other hosts make on a
 * network file system are not seen.
 *
 * @param onError - the directory can no longer be watched
 * @throws the system's error, ENOSPC or EMFILE where this user watches too much already.
 */
export function watchDirectory(
  path: Path,
  onName: (name: string | undefined) => void,
  onError: (error: unknown) => void,
): Disposable {
  const watcher = watch(path, { encoding: 'buffer' }, (_event, name) => {
    onName(name?.toString('latin1'))
  })
  watcher.on('error', onError)
  return {
    [Symbol.dispose]() {
      watcher.close()
    },
  }
}
