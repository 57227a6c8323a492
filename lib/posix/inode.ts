import { lstatSync } from 'node:fs'
import type { Path } from './path.js'

/** Which file a name means. */
export interface Inode {
  /** The device and the number of the inode: the same text for two names of one file. */
  readonly key: string
  /** The number of the inode; as a bigint, since some file systems use more than a number holds. */
  readonly ino: bigint
  /** How many names the file has, here and elsewhere. */
  readonly links: number
}

/** The inode of an entry, a symbolic link itself; nothing where there is nothing. */
export function inodeOf(path: Path): Inode | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true })
  if (stat === undefined) return undefined
  const { dev, ino, nlink } = stat
  return { key: `${dev}:${ino}`, ino, links: Number(nlink) }
}
