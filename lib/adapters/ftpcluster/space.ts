import { errnoOf, FsqError, reasonOf } from '../../errors.js'
import {
  close,
  openEntry,
  pinDirectory,
  type PinnedDirectory,
  readSmall,
} from '../../posix/files.js'
import { type FileState, inodeKeyOf, stateOf, stateOfOpen } from '../../posix/inode.js'
import { isDirectory, listNames } from '../../posix/names.js'
import { entryPath, type Path } from '../../posix/path.js'
import { bytesOf, textOf } from './escape.js'
import type { FileVersion } from './job.js'
import { type LinkFile, longestLinkFile, parseLinkFile } from './link-file.js'

/*
 * The FTP space: the directories below the home of the cluster, without what the cluster itself keeps
 * there. A name in it is a path from the home, as `pub/rfc-0959.txt`. No symbolic link is followed: one
 * that an FTP client or a user made could lead out of the space.
 */

/** What the cluster, and fsq for it, keep in the home beside the FTP space. */
const reserved: ReadonlySet<string> = new Set([
  '.queue',
  '.queue.lock',
  '.deleted',
  '.cluster.conf',
  '.fsq',
])

/** Whether a name is one of a file in the FTP space. */
export function isInSpace(name: string): boolean {
  const parts = name.split('/').filter((part) => part !== '')
  const isOutside = parts.some((part) => part === '.' || part === '..' || part.includes('\0'))
  return parts.length > 0 && !isOutside && !reserved.has(parts[0] ?? '')
}

/** A file of the FTP space, its directory held open. */
export interface SpaceFile {
  /** Its path, which means it as long as it is not closed. */
  readonly path: Path
  /** Its directory. */
  readonly directory: PinnedDirectory
}

/**
 * The name as a path from the home.
 *
 * @throws `FsqError` `FSQ_CLUSTER` for one that leads out of the FTP space
 */
export function spaceName(name: string): string {
  if (!isInSpace(name))
    throw new FsqError('FSQ_CLUSTER', `${name} is no name of a file in the FTP space`)
  return name
    .split('/')
    .filter((part) => part !== '')
    .join('/')
}

/**
 * Does something with a file of the FTP space, whether it is there or not.
 *
 * @returns undefined where its directory is not there, or is none
 */
export async function withFile<T>(
  home: string,
  name: string,
  act: (file: SpaceFile) => T | Promise<T>,
): Promise<T | undefined> {
  const parts = spaceName(name)
    .split('/')
    .map((part) => bytesOf(part).toString('latin1'))
  const last = parts.pop() ?? ''
  let directory = pinDirectory(home)
  try {
    for (const part of parts) {
      const below = pinBelow(directory, part)
      if (below === undefined) return undefined
      directory.close()
      directory = below
    }
    return await act({ path: entryPath(directory.path, last), directory })
  } finally {
    directory.close()
  }
}

function pinBelow(directory: PinnedDirectory, part: string): PinnedDirectory | undefined {
  const path = entryPath(directory.path, part)
  return isDirectory(path) ? pinDirectory(path) : undefined
}

/** What is in the place of a file now. */
export type Found =
  /** The file of the job itself. */
  | {
      readonly is: 'content'
      readonly fd: number
      readonly state: FileState
      readonly close: () => void
    }
  /** The link file of the file of the job: it is stored. */
  | { readonly is: 'link'; readonly link: LinkFile; readonly state: FileState }
  /** Nothing, or another file: the job is superseded. */
  | { readonly is: 'other'; readonly why: string }

/**
 * What is in the place of a file of that size and mtime, which is how a job tells whether it is still
 * valid. A content is open then, for the caller to close.
 */
export function findVersion({ path }: SpaceFile, version: FileVersion): Found {
  const there = stateOf(path)
  if (there === undefined) return { is: 'other', why: 'it is not there any more' }
  if (!there.isFile) return { is: 'other', why: 'it is no regular file' }
  const fd = openEntry(path)
  let isContent = false
  try {
    const state = stateOfOpen(fd)
    // First: a link file that was written in the second of the mtime may be of that size itself.
    const link = readLink(fd, state)
    if (link?.size === version.size && link.mtime === version.mtime)
      return { is: 'link', link, state }
    // Nor is any other one: to store it would lose the copies that it names.
    if (link !== undefined && link.copies.length > 0)
      return { is: 'other', why: 'there is the link file of another version' }
    isContent = state.isFile && isVersion(state, version)
    if (isContent)
      return {
        is: 'content',
        fd,
        state,
        close: () => {
          close(fd)
        },
      }
    return { is: 'other', why: 'it was changed since' }
  } finally {
    if (!isContent) close(fd)
  }
}

/** The link file in the place of a file, whichever version it is of. */
export function findLink({ path }: SpaceFile): { link: LinkFile; state: FileState } | undefined {
  if (stateOf(path)?.isFile !== true) return undefined
  const fd = openEntry(path)
  try {
    const state = stateOfOpen(fd)
    const link = readLink(fd, state)
    return link && { link, state }
  } finally {
    close(fd)
  }
}

function readLink(fd: number, { size }: FileState): LinkFile | undefined {
  return size > longestLinkFile ? undefined : parseLinkFile(readSmall(fd) ?? Buffer.of())
}

/** Whether a file has that size and that mtime, of which the cluster knows the seconds. */
export function isVersion({ size, mtime }: FileState, version: FileVersion): boolean {
  return size === version.size && mtime / 1_000_000_000n === BigInt(version.mtime)
}

/** A file of the FTP space that was found there. */
export interface FileInSpace {
  /** Its path from the home. */
  readonly name: string
  /** What its link file says; undefined for a file that is no link file. */
  readonly link: LinkFile | undefined
  /** Its size on this disk, in bytes. */
  readonly size: number
  /** When it was changed last, in seconds of the epoch. */
  readonly mtime: number
}

/**
 * The files of the FTP space in the order of their names, each directory as a whole; what is no regular
 * file is left out, and what goes away meanwhile or is not ours to read, as `lost+found`.
 *
 * @throws `FsqError` `FSQ_CLUSTER` for a directory that cannot be read
 */
export function* walkSpace(home: string): Generator<FileInSpace> {
  for (const file of stepThroughSpace(home)) if (file !== undefined) yield file
}

/** {@link walkSpace}, with nothing for each entry that is no such file: who walks may have to rest there, too. */
export function* stepThroughSpace(home: string): Generator<FileInSpace | undefined> {
  const way = new Way()
  try {
    way.enter(home, '')
    for (let level = way.last; level !== undefined; level = way.last) {
      const { value: entry } = level.entries.next()
      if (entry === undefined) {
        way.leave()
        continue
      }
      const text = textOf(Buffer.from(entry, 'latin1'))
      if (level.name === '' && reserved.has(text)) continue
      const name = level.name === '' ? text : `${level.name}/${text}`
      const inside = entryPath(level.directory.path, entry)
      if (isDirectory(inside)) {
        way.enter(inside, name)
        yield undefined
      } else yield readFileInSpace(inside, name)
    }
  } finally {
    way.close()
  }
}

/** A directory on the way to what is looked at. */
interface Level {
  readonly name: string
  /** What is still to be looked at. */
  entries: Iterator<string, undefined>
  /** Which directory it is. */
  readonly key: string
  /** Closed where it is not the last of a long way. */
  directory: PinnedDirectory
  isOpen: boolean
}

/** So many directories of a way are held open: whoever uploads files can make it as long as they like. */
const heldOpen = 32

/** The directories from the home down to what is looked at. Its last one is open. */
class Way {
  readonly #levels: Level[] = []

  get last(): Level | undefined {
    return this.#levels.at(-1)
  }

  /** Goes into a directory; not where it is gone, or not ours to read. */
  enter(path: Path, name: string): void {
    const directory = pinForListing(path, name)
    if (directory === undefined) return
    if (this.#levels.length > heldOpen) closeLevel(this.last)
    const entries = [].values()
    const level: Level = { name, entries, key: inodeKeyOf(directory.fd), directory, isOpen: true }
    this.#levels.push(level)
    level.entries = namesIn(directory).sort().values()
  }

  /** Goes back; where the directory above was moved meanwhile, to the next above that is held open. */
  leave(): void {
    const left = this.#levels.pop()
    const above = this.last
    if (left !== undefined && above?.isOpen === false) reopenAbove(left, above)
    closeLevel(left)
    while (this.last?.isOpen === false) this.#levels.pop()
  }

  close(): void {
    for (const level of this.#levels) closeLevel(level)
  }
}

function closeLevel(level: Level | undefined): void {
  if (level?.isOpen !== true) return
  level.directory.close()
  level.isOpen = false
}

/** Opens a directory anew by what is in it, which leads nowhere else: it is no link. */
function reopenAbove({ directory: { path } }: Level, above: Level): void {
  const directory = pinForListing(`${path}/..`, above.name)
  if (directory === undefined) return
  if (inodeKeyOf(directory.fd) !== above.key) {
    directory.close()
    return
  }
  above.directory = directory
  above.isOpen = true
}

function pinForListing(path: Path, name: string): PinnedDirectory | undefined {
  try {
    return pinDirectory(path)
  } catch (cause) {
    if (name !== '' && isHidden(cause)) return undefined
    const what = name === '' ? path.toString() : name
    throw new FsqError('FSQ_CLUSTER', `cannot list ${what}: ${reasonOf(cause)}`, { cause })
  }
}

function readFileInSpace(path: Path, name: string): FileInSpace | undefined {
  const fd = openFileInSpace(path)
  if (fd === undefined) return undefined
  try {
    const state = stateOfOpen(fd)
    const { size, mtime } = state
    return { name, link: readLink(fd, state), size, mtime: Number(mtime / 1_000_000_000n) }
  } finally {
    close(fd)
  }
}

function openFileInSpace(path: Path): number | undefined {
  try {
    return stateOf(path)?.isFile === true ? openEntry(path) : undefined
  } catch (error) {
    if (isHidden(error)) return undefined
    throw error
  }
}

function namesIn({ path }: PinnedDirectory): string[] {
  try {
    return listNames(path)
  } catch (error) {
    if (isHidden(error)) return []
    throw error
  }
}

/** Whether that is what a file says that is gone, or not ours to read. */
function isHidden(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(errnoOf(error) ?? '')
}
