import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { errnoOf } from '../../errors.js'
import { close, openDirectory, setOwnership } from '../../posix/files.js'
import {
  isDirectory,
  makeDirectory,
  moveNoReplace,
  removeDirectory,
  statEntry,
} from '../../posix/names.js'
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
 * Makes a directory where there is none, with the owner and the mode of another. It appears with them: nobody finds it
 * closed. A process that is killed meanwhile leaves an empty directory `.new-…` beside it.
 *
 * @throws the system's error; ENOTDIR for what is there and is none, such as a link
 */
export function makeDirectoryLike(path: string, ownership: Ownership): void {
  if (isDirectory(path)) return
  const built = `${dirname(path)}/.new-${randomBytes(6).toString('hex')}`
  makeDirectory(built, 0o700)
  try {
    const fd = openDirectory(built)
    try {
      giveAway(fd, ownership)
    } finally {
      close(fd)
    }
    moveNoReplace(built, path)
  } catch (error) {
    removeDirectory(built)
    if (errnoOf(error) !== 'EEXIST') throw error
    if (!isDirectory(path)) throw systemError('ENOTDIR', path) // Otherwise somebody else was faster.
  }
}

/** Gives an open file its owner, as far as we may, and its mode. */
export function giveAway(fd: number, ownership: Ownership): void {
  try {
    setOwnership(fd, ownership)
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error
    setOwnership(fd, { mode: ownership.mode })
  }
}
