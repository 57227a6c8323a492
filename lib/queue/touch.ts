import { errnoOf } from '../errors.js'
import { setTimes } from '../posix/files.js'

/**
 * Sets the times of an item's file. The time of finishing lets `find done -mtime +7` mean seven days
 * since then. Only the owner of a file may set its times, so where items belong to somebody else their
 * mtime stays as it was.
 */
export function touch(fd: number, time: Date): void {
  try {
    setTimes(fd, time)
  } catch (error) {
    if (errnoOf(error) !== 'EPERM' && errnoOf(error) !== 'EACCES') throw error
  }
}
