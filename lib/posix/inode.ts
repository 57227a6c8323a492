import { type BigIntStats, fstatSync, lstatSync } from 'node:fs'
import type { Path } from './path.js'

/** Which file a name means. */
export interface Inode {
  /** The device and the number of the inode: the same text for two names of one file. */
  readonly key: string
  /**
   * The key, and when the inode was made, where that is known: the number of one that is gone is given to another.
   * Not to compare two names by: old systems tell the time of the last change instead.
   */
  readonly incarnation: string
  /** The number of the inode; as a bigint, since some file systems use more than a number holds. */
  readonly ino: bigint
  /** How many names the file has, here and elsewhere. */
  readonly links: number
}

/** The inode of an entry, a symbolic link itself; nothing where there is nothing. */
export function inodeOf(path: Path): Inode | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true })
  if (stat === undefined) return undefined
  const { dev, ino, nlink, birthtimeNs } = stat
  const key = `${dev}:${ino}`
  return { key, incarnation: `${key}:${birthtimeNs}`, ino, links: Number(nlink) }
}

/** {@link Inode.key} of an open file. */
export function inodeKeyOf(fd: number): string {
  const { dev, ino } = fstatSync(fd, { bigint: true })
  return `${dev}:${ino}`
}

/** What a file was at some moment. */
export interface FileState {
  /** The number of the inode. The device may have another number after the next start of the system. */
  readonly inode: string
  /** Its size in bytes. */
  readonly size: number
  /** When its content was changed last, in nanoseconds of the epoch. */
  readonly mtime: bigint
  /**
   * When anything about it was changed last, in nanoseconds of the epoch: nobody can set it, so it tells of a
   * content that was changed under an mtime that was set back. A rename changes it, too.
   */
  readonly ctime: bigint
  /** Whether it is a regular file. */
  readonly isFile: boolean
  /** Its owner, its group and its permissions. */
  readonly uid: number
  readonly gid: number
  readonly mode: number
}

/** The state of an entry, a symbolic link itself; nothing where there is nothing. */
export function stateOf(path: Path): FileState | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true })
  return stat && toState(stat)
}

/** The state of an open file. */
export function stateOfOpen(fd: number): FileState {
  return toState(fstatSync(fd, { bigint: true }))
}

/** Whether nobody changed anything about the file in between, nor renamed it. */
export function isUntouched(one: FileState, other: FileState | undefined): boolean {
  return one.inode === other?.inode && one.ctime === other.ctime
}

function toState(stat: BigIntStats): FileState {
  return {
    inode: String(stat.ino),
    size: Number(stat.size),
    mtime: stat.mtimeNs,
    ctime: stat.ctimeNs,
    isFile: stat.isFile(),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mode: Number(stat.mode) & 0o7777,
  }
}
