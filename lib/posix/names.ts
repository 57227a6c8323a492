import {
  linkSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  readdirSync,
  renameSync,
  type Stats,
  unlinkSync,
} from 'node:fs'
import { getNative } from './native.js'
import type { Path } from './path.js'

/*
 * Names in directories. All calls are synchronous, because a call takes microseconds and a turn on
 * the thread pool more, and none lasts through a power cut before its directory is synced.
 */

/** link(2): a second name for a file. Throws EEXIST where the name is taken: nothing is replaced. */
export function link(from: Path, to: Path): void {
  linkSync(from, to)
}

/** unlink(2): removes a name; a symbolic link itself, not what it leads to. */
export function unlink(path: Path): void {
  unlinkSync(path)
}

/** rename(2) of a directory. Throws ENOTEMPTY or EEXIST where something is in the target. */
export function renameDirectory(from: string, to: string): void {
  renameSync(from, to)
}

/**
 * Moves an entry to a name that must be free: throws EEXIST if it is not, where rename(2) would
 * silently destroy what is there.
 *
 * One renameat2(2) where the system has it. Elsewhere link(2) and unlink(2), which refuse a taken
 * name just as well; a crash between them leaves one inode under both names. What cannot be linked,
 * a directory, is renamed after a look.
 */
export function renameNoReplace(from: Path, to: Path): void {
  if (getNative().renameNoReplace(from, to)) return
  if (statEntry(from)?.isDirectory() === true) {
    if (statEntry(to) !== undefined) {
      throw Object.assign(new Error(`EEXIST: rename '${to.toString()}'`), { code: 'EEXIST' })
    }
    renameSync(from, to)
    return
  }
  linkSync(from, to)
  unlinkSync(from)
}

/** lstat(2), or nothing where there is nothing; any other failure is thrown. */
export function statEntry(path: Path): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

/** mkdir(2): one directory that must not exist. The umask applies. */
export function makeDirectory(path: string, mode: number): void {
  mkdirSync(path, mode)
}

/** Makes a directory and those above it, where they are missing. */
export function makeDirectories(path: string): void {
  mkdirSync(path, { recursive: true })
}

/** All names in a directory at once, as byte strings, sorted by bytes. */
export function listNames(directory: Path): string[] {
  return readdirSync(directory, 'latin1').sort()
}

/** The names in a directory as byte strings, in no order, in constant memory. */
export function* walkNames(directory: string): Generator<string> {
  // The types know of no encoding here but UTF-8; bytes are what is wanted.
  const open = opendirSync(directory, { encoding: 'latin1' as BufferEncoding, bufferSize: 1024 })
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) yield entry.name
  } finally {
    open.closeSync()
  }
}
