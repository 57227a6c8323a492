import { randomBytes } from 'node:crypto'
import { errnoOf } from '../../errors.js'
import { syncDirectory } from '../../posix/directory-sync.js'
import {
  close,
  createFile,
  isSameFile,
  setOwnership,
  setTimes,
  writeFully,
} from '../../posix/files.js'
import {
  link,
  moveNoReplace,
  removeIfThere,
  replaceFile,
  unlink,
  walkNames,
} from '../../posix/names.js'
import { getNative } from '../../posix/native.js'
import { entryPath } from '../../posix/path.js'
import type { Stats } from '../../posix/files.js'
import { sync } from '../../posix/sync.js'
import { openFile } from './queue-files.js'

/*
 * Files that are made in `.queue`: whole, under a hidden name that nobody takes for that of a queue file,
 * and then under their own. A crash leaves a hidden file, which whoever takes the lock of the queue next removes.
 * Who makes one need not have that lock, and may take its time: the file is locked itself until it has its name.
 */

const hidden = /^\.fsq-new-[0-9a-f]{16}$/

/** Removes what was being made when its process was killed. */
export function sweepUnfinished(directory: string): void {
  for (const name of walkNames(directory)) {
    if (!hidden.test(name)) continue
    const fd = openFile(directory, name)
    if (typeof fd !== 'number') continue
    try {
      if (getNative().flock(fd)) removeIfThere(entryPath(directory, name))
    } finally {
      close(fd)
    }
  }
}

/** A new file under a hidden name, locked. */
function createHidden(directory: string): { readonly name: string; readonly fd: number } {
  for (;;) {
    const name = `.fsq-new-${randomBytes(8).toString('hex')}`
    const path = `${directory}/${name}`
    const fd = createFile(path, 0o666)
    let isOurs = false
    try {
      // Unless it was swept before it was locked.
      isOurs = getNative().flock(fd) && isSameFile(fd, path)
      if (isOurs) return { name, fd }
    } finally {
      if (!isOurs) {
        close(fd)
        removeIfThere(path)
      }
    }
  }
}

/** What a file is like whose place a new one takes. */
export interface Likeness {
  /** Its owner and mode. */
  readonly stat?: Stats
  /** The time of its jobs, which becomes its mtime. */
  readonly date: Date
}

/** A file that is being made, open for writing. */
export class UnfinishedFile {
  readonly #directory: string
  readonly #name: string
  readonly #fd: number
  #isOpen = true

  constructor(directory: string) {
    const { name, fd } = createHidden(directory)
    this.#directory = directory
    this.#name = name
    this.#fd = fd
  }

  get #path(): string {
    return `${this.#directory}/${this.#name}`
  }

  /** Adds bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    await writeFully(this.#fd, bytes)
  }

  /** Its bytes survive the loss of power then. */
  async finish({ stat, date }: Likeness): Promise<void> {
    if (stat !== undefined) {
      try {
        setOwnership(this.#fd, { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o7777 })
      } catch (error) {
        // Another user's file stays ours: who may read it may still be right.
        if (errnoOf(error) !== 'EPERM') throw error
      }
    }
    setTimes(this.#fd, date)
    await sync(this.#fd)
  }

  /** Gives it the name of another file, which goes. */
  async replace(name: string): Promise<void> {
    replaceFile(this.#path, entryPath(this.#directory, name))
    this.#close()
    await syncDirectory(this.#directory)
  }

  /** Gives it a name; where that is taken, another of which a processor thinks the same. */
  async nameLike(name: string): Promise<void> {
    for (let free = name; !this.nameAs(free); free = anotherName(name));
    await syncDirectory(this.#directory)
  }

  /** Gives it a name that must be free; false where it is not. It does not last before a sync. */
  nameAs(name: string): boolean {
    try {
      link(this.#path, entryPath(this.#directory, name))
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false
      throw error
    }
    this.discard()
    return true
  }

  /** Removes it, unless it has another name by now. */
  discard(): void {
    this.#close()
    removeIfThere(this.#path)
  }

  #close(): void {
    if (this.#isOpen) close(this.#fd)
    this.#isOpen = false
  }
}

/**
 * Gives a file that was set aside its name back; where another has that name by now, one that begins and
 * ends as it does. The name that it got; byte strings.
 */
export async function putBack(directory: string, aside: string, name: string): Promise<string> {
  for (let free = name; ; free = anotherName(name)) {
    try {
      const [from, to] = [entryPath(directory, aside), entryPath(directory, free)]
      const moved = moveNoReplace(from, to)
      await syncDirectory(directory)
      if (moved === 'linked') unlink(from)
      return free
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    }
  }
}

/** A name of which a processor thinks the same. */
function anotherName(name: string): string {
  const random = randomBytes(4).toString('hex')
  return name.endsWith('.q')
    ? `${name.slice(0, -2).slice(0, 240)}-${random}.q`
    : `${name.slice(0, 240)}-${random}`
}
