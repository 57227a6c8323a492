import { inodeOf } from '../../posix/inode.js'
import { isDirectory } from '../../posix/names.js'
import { watchDirectory } from '../../posix/watch.js'
import { foreign } from './entry-file.js'
import { keyDirectories, keyOf } from './key-path.js'

/**
 * Tells of the keys whose files come, change, or go in the directory of entries, and in those below it.
 *
 * @param onError - it can no longer be watched, and is not; never called before this returns
 * @throws the system's error
 */
export function watchEntries(
  base: string,
  onChange: (key: string | undefined) => void,
  onError: (error: unknown) => void,
): Disposable {
  const watches = new Map<string, Disposable>()
  const dispose = (): void => {
    for (const watch of watches.values()) watch[Symbol.dispose]()
    watches.clear()
  }
  const fail = (error: unknown): void => {
    if (watches.size === 0) return // It has ended, or failed, already.
    dispose()
    onError(error)
  }
  const watch = (within: string): void => {
    const path = within === '' ? base : `${base}/${within}`
    const incarnation = inodeOf(path)?.incarnation
    const onName = (bytes: string | undefined): void => {
      if (inodeOf(path)?.incarnation !== incarnation) {
        fail(foreign(path, 'another directory was there before'))
        return
      }
      const name = bytes === undefined ? undefined : Buffer.from(bytes, 'latin1').toString()
      if (name?.startsWith('.') === true) return
      if (name === undefined) onChange(undefined)
      else if (within !== '' || !keyDirectories.includes(name))
        onChange(keyOf({ directory: within, name }))
      else {
        try {
          watchIfThere(name)
        } catch (error) {
          fail(error)
          return
        }
        onChange(undefined) // Something may have been made in it before we watched it.
      }
    }
    watches.set(within, watchDirectory(path, onName, fail))
  }
  const watchIfThere = (within: string): void => {
    if (!watches.has(within) && isDirectory(`${base}/${within}`)) watch(within)
  }
  try {
    watch('')
    for (const within of keyDirectories) watchIfThere(within)
  } catch (error) {
    dispose()
    throw error
  }
  return { [Symbol.dispose]: dispose }
}
