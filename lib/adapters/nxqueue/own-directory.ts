import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { makeWhole } from '../../posix/make-whole.js'
import { isDirectory, statEntry } from '../../posix/names.js'
import type { Ownership } from '../../posix/owner.js'
import { systemError } from '../../posix/system-error.js'

/** To whom belongs what is made in a directory: to whom that does, with its mode. */
export function ownershipLike(directory: string): Ownership {
  const stat = statEntry(`${directory}/.`)
  if (stat === undefined) throw systemError('ENOENT', directory)
  const { uid, gid } = stat
  return { uid, gid, mode: stat.mode & 0o7777 }
}

/**
 * Makes a directory where there is none, with the owner and the mode of another. A process that is killed meanwhile
 * leaves an empty directory `.new-…` beside it.
 *
 * @throws the system's error; ENOTDIR for what is there and is none, such as a link
 */
export function makeDirectoryLike(path: string, ownership: Ownership): void {
  if (isDirectory(path)) return
  makeWhole(path, `${dirname(path)}/.new-${randomBytes(6).toString('hex')}`, ownership)
}
