import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { errnoOf } from '../../errors.js'
import { close, createFile, giveAway, statFile, writeFully } from '../../posix/files.js'
import { listNames, removeIfThere, statEntry } from '../../posix/names.js'
import { sync } from '../../posix/sync.js'
import { makeDirectoryLike, ownershipLike } from './own-directory.js'

/*
 * Files before they have their names: `.tmp/PID-HEX` in the directory of the key values. What a process that was
 * killed leaves there is removed after an hour by the next that writes, by the clock of the file system.
 */

/** In milliseconds. */
const leftAfter = 3_600_000

/** See above. */
export class FileDrafts {
  readonly #directory: string
  /** When we looked last for what others have left. */
  #swept = -Infinity

  /** @param directory - that of the key values */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** Makes the directory, and one below it, where they are missing, as the one that it is in. */
  makeDirectory(...below: readonly string[]): void {
    const ownership = ownershipLike(dirname(this.#directory))
    let path = this.#directory
    makeDirectoryLike(path, ownership)
    for (const name of below) makeDirectoryLike((path += `/${name}`), ownership)
  }

  /** Does something with a whole file, which is gone afterwards if it was not renamed. */
  async use<R>(
    bytes: Buffer,
    lasting: boolean,
    act: (draft: string) => R | Promise<R>,
  ): Promise<R> {
    const draft = `${this.#directory}/.tmp/${process.pid}-${randomBytes(6).toString('hex')}`
    const fd = this.#create(draft)
    try {
      try {
        const { uid, gid, mode } = ownershipLike(this.#directory)
        giveAway(fd, { uid, gid, mode: mode & 0o666 })
        await writeFully(fd, bytes)
        if (lasting) await sync(fd)
        this.#sweep(statFile(fd).mtimeMs)
      } finally {
        close(fd)
      }
      return await act(draft)
    } finally {
      removeIfThere(draft)
    }
  }

  #create(draft: string): number {
    try {
      return createFile(draft, 0o600)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      this.makeDirectory('.tmp')
      return createFile(draft, 0o600)
    }
  }

  #sweep(now: number): void {
    if (now < this.#swept + leftAfter) return
    this.#swept = now
    for (const name of listNames(`${this.#directory}/.tmp`)) {
      if (!/^[0-9]+-[0-9a-f]{12}$/.test(name)) continue
      const path = `${this.#directory}/.tmp/${name}`
      const stat = statEntry(path)
      try {
        if (stat?.isFile() === true && stat.mtimeMs < now - leftAfter) removeIfThere(path)
      } catch {
        continue // Somebody else's; somebody else may.
      }
    }
  }
}
