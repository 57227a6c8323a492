import { errnoOf } from '../errors.js'
import { close, giveAway, openDirectory } from './files.js'
import { isDirectory, makeDirectory, moveNoReplace, removeDirectory } from './names.js'
import type { Ownership } from './owner.js'
import { systemError } from './system-error.js'

/**
 * Makes a directory where there is none. It appears with its owner, as far as we may give it away, and its mode: nobody
 * finds it closed.
 *
 * @param built - where it is built, on the same file system; a process that is killed leaves it there, empty
 * @returns whether it was made by this; if not, somebody else was faster
 * @throws the system's error; ENOTDIR for what is there and is none, such as a link
 */
export function makeWhole(path: string, built: string, ownership: Ownership): boolean {
  makeDirectory(built, 0o700)
  try {
    const fd = openDirectory(built)
    try {
      giveAway(fd, ownership)
    } finally {
      close(fd)
    }
    moveNoReplace(built, path)
    return true
  } catch (error) {
    removeDirectory(built)
    if (errnoOf(error) !== 'EEXIST') throw error
    if (!isDirectory(path)) throw systemError('ENOTDIR', path)
    return false
  }
}
