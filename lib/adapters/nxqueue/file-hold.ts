import { errnoOf } from '../../errors.js'
import type { Hold } from '../../key-values.js'
import {
  close,
  giveAway,
  isSameFile,
  openLockFile,
  readSmall,
  rewrite,
  statFile,
} from '../../posix/files.js'
import { getNative } from '../../posix/native.js'
import { sync } from '../../posix/sync.js'
import { foreign, unusable } from './entry-file.js'
import type { Ownership } from '../../posix/owner.js'

/*
 * A hold is flock(2) on the file `NAME.lock`, which the kernel ends with the process of its holder, however that ends; a
 * process that is stopped keeps it. The file says, for whoever looks, who has it or had it last, and its epoch:
 *
 *   1. open the file, made if it is missing; lock it, and look that it still has its name
 *   2. the epoch in it, and one more; where it says none that can be true, the time in milliseconds
 *   3. write that and our name into it, fsync
 *
 * A kill, or a power cut, between 2 and 3 leaves an epoch that nobody has acted under, or half a line, which is no epoch:
 * the time is more than all that was counted from an earlier time. So the epoch grows even if somebody removes the
 * file, as long as the clock is not set back at the same time.
 */

/** @returns undefined where another has it */
export async function holdFile(
  path: string,
  holder: string,
  ownership: Ownership,
): Promise<Hold | undefined> {
  const fd = lockedFile(path, ownership)
  if (fd === undefined) return undefined
  try {
    const epoch = nextEpoch(fd)
    rewrite(fd, Buffer.from(`${JSON.stringify({ epoch, holder, pid: process.pid })}\n`))
    await sync(fd)
    return new FileHold(path, fd, epoch)
  } catch (error) {
    close(fd)
    throw unusable(path, error)
  }
}

class FileHold implements Hold {
  readonly #path: string
  readonly epoch: number
  #fd: number | undefined

  constructor(path: string, fd: number, epoch: number) {
    this.#path = path
    this.#fd = fd
    this.epoch = epoch
  }

  /** Not any more where another file has its name: somebody else may have locked that. */
  isHeld(): boolean {
    return this.#fd !== undefined && isSameFile(this.#fd, this.#path)
  }

  [Symbol.dispose](): void {
    if (this.#fd === undefined) return
    close(this.#fd)
    this.#fd = undefined
  }
}

function lockedFile(path: string, ownership: Ownership): number | undefined {
  for (;;) {
    let fd: number
    try {
      fd = openLockFile(path, 0o600)
    } catch (error) {
      if (['ELOOP', 'EISDIR', 'ENXIO'].includes(errnoOf(error) ?? ''))
        throw foreign(path, 'it is not a regular file', error)
      throw unusable(path, error)
    }
    let locked = false
    try {
      const stat = statFile(fd)
      if (!stat.isFile()) throw foreign(path, 'it is not a regular file')
      if (stat.size === 0) giveAway(fd, ownership)
      if (!getNative().flock(fd)) return undefined
      if (isSameFile(fd, path)) {
        locked = true
        return fd
      }
    } finally {
      if (!locked) close(fd)
    }
  }
}

/** What no clock says in our time, in milliseconds of the epoch: the year 2100. */
const implausible = 4_102_444_800_000

function nextEpoch(fd: number): number {
  try {
    const { epoch } = JSON.parse(readSmall(fd)?.toString() ?? '') as Record<string, unknown>
    if (Number.isSafeInteger(epoch) && Number(epoch) > 0 && Number(epoch) < implausible)
      return Number(epoch) + 1
  } catch {
    // It says nothing.
  }
  return Date.now()
}
