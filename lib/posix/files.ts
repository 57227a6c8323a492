import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  futimesSync,
  lstatSync,
  open,
  openSync,
  read,
  readSync,
  type Stats,
  statSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { glanceAt, glanceAtName } from './glance.js'
import { type FileStat, loadedNative } from './native.js'
import type { Ownership } from './owner.js'
import type { Path } from './path.js'
import { sync } from './sync.js'
import { systemError } from './system-error.js'

const {
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} = constants

export type { FileStat, Stats }

// Everything is opened with O_CLOEXEC: Node.js does so, and the native open.

/** Creates a file that must not exist, not even as a dangling link. Throws EEXIST if it does. */
export function createFile(path: Path, mode: number): number {
  return openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode)
}

/**
 * Makes an empty file with exactly that owner and mode; one that is there gets them too. Nothing is
 * left of a new one that could not be given away. A link in its place, symbolic (ELOOP) or hard
 * (EMLINK), is refused: it could be anybody's file that would get a new owner.
 */
export function markFile(path: Path, ownership: Ownership): void {
  const { fd, created } = createOrOpen(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK, ownership.mode)
  try {
    if (fstatSync(fd).nlink > 1) throw systemError('EMLINK', path)
    setOwnership(fd, ownership)
  } catch (error) {
    if (created) unlinkSync(path)
    throw error
  } finally {
    close(fd)
  }
}

function createOrOpen(
  path: Path,
  flags: number,
  mode: number,
): { readonly fd: number; readonly created: boolean } {
  try {
    return { fd: openSync(path, flags | O_CREAT | O_EXCL, mode), created: true }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return { fd: openSync(path, flags), created: false }
  }
}

/**
 * Opens an entry of a queue for reading. Neither a link (ELOOP) nor a FIFO without a writer, which
 * would block, is opened by surprise.
 */
export function openEntry(path: Path): number {
  return openSync(path, entryFlags)
}

const entryFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK

/** {@link openEntry}, or nothing where there is nothing, since somebody else was faster. */
export function openIfThere(path: Path): number | undefined {
  const opened = loadedNative()?.open?.(path, entryFlags)
  if (opened !== undefined) return opened === 'missing' ? undefined : opened
  try {
    return openEntry(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Opens a regular file for reading, through links; nothing where it is of another type. Neither a FIFO,
 * which would block, nor a device, which may do something when it is opened, is opened by surprise.
 */
export function openRegular(path: Path): number | undefined {
  if (!statSync(path).isFile()) return undefined
  const fd = openSync(path, O_RDONLY | O_NONBLOCK)
  if (fstatSync(fd).isFile()) return fd
  close(fd) // Somebody was faster.
  return undefined
}

/** Opens a file for writing and empties it, made where there is none. A link (ELOOP) is refused. */
export function openEmptied(path: Path, mode: number): number {
  return openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, mode)
}

/** Moves the position of a descriptor forward, as a program is to read from there on. */
export function skipBytes(fd: number, length: number): void {
  const piece = Buffer.allocUnsafe(Math.min(length, smallBody))
  for (let left = length; left > 0;) {
    const bytesRead = readSync(fd, piece, 0, Math.min(left, piece.length), null)
    if (bytesRead === 0) return
    left -= bytesRead
  }
}

/** Opens a file to read it and to add lines at its end, made where there is none. */
export function openRecord(path: Path, mode: number): number {
  return openSync(path, recordFlags | O_CREAT, mode)
}

const recordFlags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK

/**
 * {@link openRecord} for several users: one that is made gets exactly that mode, whatever the umask. One that is
 * there keeps its own, which only its owner may change. Nothing is left of a new one that could not get it.
 */
export function openSharedRecord(path: Path, mode: number): number {
  const { fd, created } = createOrOpen(path, recordFlags, mode)
  if (!created) return fd
  try {
    setOwnership(fd, { mode })
    return fd
  } catch (error) {
    close(fd)
    unlinkSync(path)
    throw error
  }
}

/**
 * Opens a file that is there to be locked; makes it, with that mode less the umask, where it is missing and
 * a mode is given. For writing too, since flock(2) over NFS takes nothing less.
 */
export function openLockFile(path: Path, mode?: number): number {
  const flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK
  return mode === undefined ? openSync(path, flags) : openSync(path, flags | O_CREAT, mode)
}

/** {@link openEntry}, which leaves the time of the last access as it is, where the system lets us. */
export function openUnnoticed(path: Path): number {
  try {
    return openSync(path, entryFlags | O_NOATIME)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
    return openEntry(path) // It is another user's.
  }
}

/**
 * Closes a descriptor, and with its last descriptor an open file's lock. That close(2) reports a
 * failure changes neither, nor what was synced before; only a descriptor that is not open is an error,
 * of the caller's.
 */
export function close(fd: number): void {
  try {
    closeSync(fd)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBADF') throw error
  }
}

/** fstat(2) */
export function statFile(fd: number): Stats {
  return fstatSync(fd)
}

/** Opens a file for reading; on the thread pool, since a FIFO waits for its writer. */
export async function openForReading(path: string): Promise<number> {
  return openAsync(path, 'r')
}

/** Opens a directory itself, not what a link in its place leads to. */
export function openDirectory(path: Path): number {
  return openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
}

/**
 * Whether the path still names the very file that is open: the same inode on the same device.
 *
 * @param open - what fstat(2) says of the descriptor, for a caller that knows
 */
export function isSameFile(fd: number, path: Path, open: FileStat = glanceAt(fd)): boolean {
  const there = glanceAtName(path)
  if (there?.ino !== open.ino || there.dev !== open.dev) return false
  if (Number.isSafeInteger(open.ino)) return true
  // Some file systems use inode numbers that a number cannot hold: two may look alike.
  const exact = lstatSync(path, { throwIfNoEntry: false, bigint: true })
  return exact?.ino === fstatSync(fd, { bigint: true }).ino
}

/** Gives an open file its owner and its exact mode. The mode comes last: chown(2) clears bits. */
export function setOwnership(fd: number, { uid, gid, mode }: Ownership): void {
  if (uid !== undefined || gid !== undefined) {
    const stat = fstatSync(fd)
    fchownSync(fd, uid ?? stat.uid, gid ?? stat.gid)
  }
  fchmodSync(fd, mode)
}

/** {@link setOwnership} as far as we may: only root gives a file to others, and only to a group of our own do we. */
export function giveAway(fd: number, { uid, gid, mode }: Ownership): void {
  for (const owner of [{ uid, gid }, { gid }]) {
    try {
      setOwnership(fd, { ...owner, mode })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
    }
  }
  setOwnership(fd, { mode })
}

/** Gives a directory, not what a link in its place leads to, its owner and its exact mode. */
export function setDirectoryOwnership(path: Path, ownership: Ownership): void {
  const fd = openDirectory(path)
  try {
    setOwnership(fd, ownership)
  } finally {
    close(fd)
  }
}

/**
 * Sets access and modification time of an open file. Only its owner may: throws EPERM.
 *
 * @param microseconds - what comes to the time, which cannot tell them
 */
export function setTimes(fd: number, time: Date, microseconds = 0): void {
  const seconds = time.getTime() / 1000 + microseconds / 1e6
  futimesSync(fd, seconds, seconds)
}

/** A body up to this size is written, or read, in the thread that runs: it takes microseconds. */
const smallBody = 64 * 1024

const openAsync = promisify(open)
const writeAsync = promisify(write)
const readAsync = promisify(read)

/** Writes all of the bytes, however many calls it takes. */
export async function writeFully(fd: number, bytes: Uint8Array): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const rest = bytes.length - written
    written +=
      rest <= smallBody
        ? writeSync(fd, bytes, written, rest)
        : (await writeAsync(fd, bytes, written, rest)).bytesWritten
  }
}

/** Replaces what is in an open file, in place: whoever reads it meanwhile finds half of it. */
export function rewrite(fd: number, bytes: Uint8Array): void {
  ftruncateSync(fd, 0)
  let written = 0
  while (written < bytes.length) written += writeSync(fd, bytes, written, null, written)
}

/** All bytes of an open file that is small; nothing for one that is not. */
export function readSmall(fd: number): Buffer | undefined {
  const { size } = fstatSync(fd)
  return size > smallBody ? undefined : readAt(fd, 0, size)
}

/** What one pread(2) gives of an open file: perhaps fewer bytes although there are more. */
export function readOnce(fd: number, offset: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  return bytes.subarray(0, readSync(fd, bytes, 0, size, offset))
}

/** The bytes of an open file from an offset on, fewer only where it ends. Its position stays. */
export function readAt(fd: number, offset: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  let length = 0
  while (length < size) {
    const bytesRead = readSync(fd, bytes, length, size - length, offset + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.subarray(0, length)
}

/**
 * The bytes of an open file, from the position of the descriptor or from a given one, in pieces.
 * The piece is reused: it holds only until the next is asked for.
 */
export async function* readPieces(fd: number, from?: number): AsyncGenerator<Uint8Array> {
  const piece = Buffer.allocUnsafe(256 * 1024)
  let position = from ?? null
  for (;;) {
    const bytesRead = await readSome(fd, piece, position)
    if (bytesRead === 0) return
    if (position !== null) position += bytesRead
    yield piece.subarray(0, bytesRead)
  }
}

/** The next bytes of a descriptor, so many and no more; fewer only where it ends. */
export async function readNext(fd: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const bytesRead = await readSome(fd, bytes.subarray(filled), null)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}

/** read(2) that waits, also where the descriptor is one that does not, as an inherited stdin may be. */
async function readSome(fd: number, piece: Buffer, position: number | null): Promise<number> {
  for (;;) {
    try {
      return (await readAsync(fd, piece, 0, piece.length, position)).bytesRead
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      await setTimeout(readAgainAfter) // poll(2) is not to be had for any descriptor in Node.js.
    }
  }
}

/** In milliseconds. */
const readAgainAfter = 10

/**
 * A directory that is open, by a path that keeps meaning it: whoever puts a link in its place
 * meanwhile cannot lead us elsewhere. Linux has such paths; elsewhere it is the plain one.
 */
export function pinDirectory(path: Path): PinnedDirectory {
  const fd = openDirectory(path)
  hasProc ??= existsSync('/proc/self/fd')
  return {
    fd,
    path: hasProc ? `/proc/self/fd/${fd}` : path.toString(),
    sync: (stat) => sync(fd, stat),
    close: () => {
      close(fd)
    },
  }
}

let hasProc: boolean | undefined

/**
 * Opens the file of a descriptor anew, wherever it has gone meanwhile: another open file, without the lock of
 * the first. Undefined where the system has no /proc.
 */
export function reopen(fd: number): number | undefined {
  hasProc ??= existsSync('/proc/self/fd')
  return hasProc ? openSync(`/proc/self/fd/${fd}`, O_RDONLY | O_NONBLOCK) : undefined
}

/** See {@link pinDirectory}. */
export interface PinnedDirectory {
  /** The descriptor that holds it open. */
  readonly fd: number
  /** The path to use for it while it is open. */
  readonly path: string
  /**
   * fsync(2) of it: the names that were made or removed in it before survive a power cut.
   *
   * @param stat - what fstat(2) says of it, for a caller that knows
   */
  readonly sync: (stat?: FileStat) => Promise<void>
  /** Closes it. */
  readonly close: () => void
}
