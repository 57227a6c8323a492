import { setOwnership, statFile } from '../posix/files.js'

/**
 * Makes an event of inotify(7), and changes nothing: who watches the directory saw the item come while
 * it was still locked, and would not look again. Called last before the lock is given up. The item is
 * in: whatever happens here does not change that.
 */
export function wake(fd: number): void {
  try {
    setOwnership(fd, { uid: undefined, gid: undefined, mode: statFile(fd).mode & 0o7777 })
  } catch {
    // Whoever watches finds it at the next sweep.
  }
}
