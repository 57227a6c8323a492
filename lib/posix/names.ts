import {
  linkSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
  type Stats,
  unlinkSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { FsqError } from '../errors.js'
import { pinDirectory, type PinnedDirectory } from './files.js'
import { getNative } from './native.js'
import { entryName, entryPath, type Path } from './path.js'
import { systemError } from './system-error.js'

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

/** rename(2) of a file. What has the other name is replaced, whole by whole. */
export function replaceFile(from: Path, to: Path): void {
  renameSync(from, to)
}

/** {@link unlink}; false where there is nothing, since somebody else was faster. */
export function removeIfThere(path: Path): boolean {
  try {
    unlinkSync(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** rename(2) of a directory. Throws ENOTEMPTY or EEXIST where something is in the target. */
export function renameDirectory(from: string, to: string): void {
  renameSync(from, to)
}

/**
 * Moves an entry to a name that must be free: throws EEXIST if it is not, where rename(2) would
 * silently destroy what is there.
 *
 * One renameat2(2) where the system has it. Elsewhere the first half of link(2) and unlink(2), which
 * refuse a taken name just as well: the caller removes the old name, but only once the new one will
 * last, since a power cut may otherwise keep the second change without the first. What cannot be
 * linked, a directory or (fs.protected_hardlinks of Linux) a file of somebody else, is renamed after
 * a look.
 *
 * @returns whether the old name is gone, or has still to be removed.
 */
export function moveNoReplace(from: Path, to: Path): 'renamed' | 'linked' {
  return getNative().renameNoReplace(from, to) ? 'renamed' : linkOrRename(from, to)
}

/**
 * {@link moveNoReplace} into a directory that is held open, under a name that is a byte string. Not
 * by the path of that directory: to look /proc up costs several times as much as the rename.
 */
export function moveInto(
  from: Path,
  directory: PinnedDirectory,
  name: string,
): 'renamed' | 'linked' {
  if (getNative().renameNoReplace(from, entryName(name), directory.fd)) return 'renamed'
  return linkOrRename(from, entryPath(directory.path, name))
}

/**
 * Gives each of two files the name of the other, at once: at no moment is either name missing. What has
 * the other name is at hand afterwards, whatever somebody else put there a moment before.
 *
 * @throws {@link FsqError} `FSQ_UNSUPPORTED` where the system cannot do it
 */
export function exchangeFiles(one: Path, other: Path): void {
  if (getNative().renameExchange(one, other)) return
  throw new FsqError(
    'FSQ_UNSUPPORTED',
    `cannot exchange ${one.toString()} and ${other.toString()}: that needs Linux, the npm package ` +
      'koffi, and a file system with RENAME_EXCHANGE (ext4, xfs, btrfs, tmpfs)',
    { path: other.toString() },
  )
}

function linkOrRename(from: Path, to: Path): 'renamed' | 'linked' {
  try {
    linkSync(from, to)
    return 'linked'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
    if (statEntry(to) !== undefined) throw systemError('EEXIST', to)
    renameSync(from, to)
    return 'renamed'
  }
}

/**
 * Removes a directory and all below it. Links are removed, not followed, even those that somebody
 * puts in place of a directory meanwhile: each directory is held open while it is emptied.
 */
export function removeTree(directory: Path): void {
  const pinned = pinDirectory(directory)
  try {
    for (const name of listNames(pinned.path)) {
      const path = entryPath(pinned.path, name)
      if (isDirectory(path)) removeTree(path)
      else unlinkSync(path)
    }
  } finally {
    pinned.close()
  }
  rmdirSync(directory)
}

/** lstat(2), or nothing where there is nothing; any other failure is thrown. */
export function statEntry(path: Path): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

/** Whether there is a directory of that name; a link to one is none. */
export function isDirectory(path: Path): boolean {
  return statEntry(path)?.isDirectory() === true
}

/** mkdir(2): one directory that must not exist. The umask applies. */
export function makeDirectory(path: string, mode: number): void {
  mkdirSync(path, mode)
}

/** rmdir(2): removes a directory, if it is empty; ENOTEMPTY or EEXIST where it is not. */
export function removeDirectory(path: Path): void {
  rmdirSync(path)
}

/**
 * Makes a directory and those above it, where they are missing.
 *
 * @returns the directories that were made, the topmost first.
 */
export function makeDirectories(path: string): string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return []
  try {
    mkdirSync(path)
    return [path]
  } catch (error) {
    // Not mkdir's own recursion, which never ends where a parent cannot hold directories (/proc).
    const parent = dirname(path)
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw systemError('ENOTDIR', path)
    if (code !== 'ENOENT' || parent === path) throw error
    if (statSync(parent, { throwIfNoEntry: false }) !== undefined) throw error
    const above = makeDirectories(parent)
    return [...above, ...makeDirectories(path)] // Behind a `..` it may be there by now.
  }
}

/** All names in a directory at once, as byte strings, in no order that could be relied on. */
export function listNames(directory: Path): string[] {
  return readdirSync(directory, 'latin1')
}

/**
 * The names in a directory as byte strings, in no order, in constant memory.
 *
 * @param atOnce - how many are read at a time. With 1 it takes longer, and none is missed: where getdents(2) is
 * interrupted, as FUSE may have it, libuv reads on and forgets those that it had read at that time.
 */
export function* walkNames(directory: string, atOnce = 1024): Generator<string> {
  // The types know of no encoding here but UTF-8; bytes are what is wanted.
  const encoding = 'latin1' as BufferEncoding
  const open = opendirSync(directory, { encoding, bufferSize: atOnce })
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) yield entry.name
  } finally {
    open.closeSync()
  }
}
