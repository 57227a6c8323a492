import { randomBytes } from 'node:crypto'
import { errnoOf } from '../../errors.js'
import { syncDirectory } from '../../posix/directory-sync.js'
import { type FileState, isUntouched, stateOf } from '../../posix/inode.js'
import { exchangeFiles, listNames, removeIfThere } from '../../posix/names.js'
import { readNote, writeNew } from './notes.js'
import { withFile } from './space.js'

/*
 * Replacing a file of the FTP space, unless somebody changed it meanwhile. rename(2) would do for the one
 * half; for the other it is too late once it is seen what was lost. So the two files exchange their names
 * (renameat2(2), RENAME_EXCHANGE), and what came out is looked at:
 *
 *   1. write the new file, and a note of what it is to replace     two files in .fsq/, the old one in place
 *   2. exchange the two                                            the new one in place, the old one in .fsq/
 *   3. what came out is the file that was to go: remove it, and the note
 *      it is another: exchange them again                          the other one in place again
 *
 * A note that is found later tells what to do: nothing was exchanged, and the new file goes; or the
 * old file came out, and goes; or another did, and is put back.
 */

/** What is to be replaced. */
interface Note {
  /** The name in the FTP space. */
  readonly name: string
  /** The inode, the size and the mtime of the old file. */
  readonly old: readonly [inode: string, size: number, mtime: string]
  /** The inode of the new file. */
  readonly by: string
}

/** Replaces files of the FTP space. One process at a time may. */
export class Swaps {
  readonly #home: string
  readonly #directory: string

  /** @param directory - where the new files wait; on the file system of the home */
  constructor(home: string, directory: string) {
    this.#home = home
    this.#directory = directory
  }

  /**
   * Replaces a file, if it is still as it was.
   *
   * @param isDisturbed - whether somebody opened the old file to write to it; asked when it came out
   * @returns false where it is not: then it is in its place as it is
   * @throws `FsqError` `FSQ_UNSUPPORTED` where the file system cannot exchange files; the system's error
   */
  async replace(
    name: string,
    old: FileState,
    bytes: Buffer,
    isDisturbed: () => boolean = () => false,
  ): Promise<boolean> {
    const stem = randomBytes(8).toString('hex')
    const fresh = `${this.#directory}/${stem}.new`
    try {
      const { uid, gid, mode } = old
      const owner = process.geteuid?.() === 0 ? { uid, gid } : { uid: undefined, gid: undefined }
      await writeNew(fresh, bytes, { ...owner, mode })
      const by = stateOf(fresh)?.inode ?? ''
      const text: Note = { name, old: [old.inode, old.size, String(old.mtime)], by }
      const plain = { uid: undefined, gid: undefined, mode: 0o600 }
      await writeNew(`${this.#directory}/${stem}.swap`, Buffer.from(JSON.stringify(text)), plain)
      await syncDirectory(this.#directory)
      return await this.#exchange(text, fresh, old, isDisturbed)
    } finally {
      await this.#clear(stem)
    }
  }

  /** Ends what was begun by a process that was killed. */
  async recover(): Promise<void> {
    const names = listNames(this.#directory)
    const stems = names.flatMap((name) => /^(.+)\.(?:new|swap)$/.exec(name)?.[1] ?? [])
    for (const stem of new Set(stems)) await this.#clear(stem)
  }

  /** Steps 2 and 3, but for removing. */
  async #exchange(
    { name, old, by }: Note,
    fresh: string,
    before: FileState,
    isDisturbed: () => boolean,
  ): Promise<boolean> {
    const isReplaced = await withFile(this.#home, name, async ({ path, directory }) => {
      if (!isUntouched(before, stateOf(path))) return false
      exchangeFiles(fresh, path)
      if (isDisturbed() || !isNoted(old, stateOf(fresh))) {
        if (stateOf(path)?.inode === by) exchangeFiles(fresh, path)
        return false
      }
      await directory.sync()
      return true
    })
    return isReplaced === true
  }

  /** Removes what is left of a swap, and puts back what came out and was not to go. */
  async #clear(stem: string): Promise<void> {
    const fresh = `${this.#directory}/${stem}.new`
    const note = readSwap(`${this.#directory}/${stem}.swap`)
    const there = stateOf(fresh)
    if (
      note !== undefined &&
      there !== undefined &&
      there.inode !== note.by &&
      !isNoted(note.old, there)
    )
      await withFile(this.#home, note.name, async ({ path, directory }) => {
        if (stateOf(path)?.inode !== note.by) return // Somebody replaced that as well.
        exchangeFiles(fresh, path)
        await directory.sync()
      })
    removeIfThere(fresh)
    removeIfThere(`${this.#directory}/${stem}.swap`)
  }
}

function isNoted([inode, size, mtime]: Note['old'], state: FileState | undefined): boolean {
  return inode === state?.inode && size === state.size && mtime === String(state.mtime)
}

/** The note of a swap. One that is not whole was cut off before anything was exchanged. */
function readSwap(path: string): Note | undefined {
  try {
    return readNote(path) as Note | undefined
  } catch (error) {
    if (errnoOf(error) !== undefined) throw error
    return undefined
  }
}
