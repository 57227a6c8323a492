import { randomInt } from 'node:crypto'
import { errnoOf, FsqError } from '../../errors.js'
import {
  checkKey,
  checkValue,
  type EntriesOptions,
  type Entry,
  type WatchedEntries,
} from '../../key-values.js'
import { syncDirectory } from '../../posix/directory-sync.js'
import { isSameFile } from '../../posix/files.js'
import { inodeOf } from '../../posix/inode.js'
import { link, listNames, removeIfThere, replaceFile, statEntry } from '../../posix/names.js'
import { entryPath, type Path } from '../../posix/path.js'
import { type EntryContent, entryText, foreign, lookAt, readEntry, unusable } from './entry-file.js'
import type { FileDrafts } from './file-drafts.js'
import { keyDirectories, keyOf, keyPath } from './key-path.js'
import { withLockedEntry } from './lock-entry.js'
import { watchEntries } from './watch-entries.js'

/*
 * Entries as files: `NAME/KEY` below the directory of the key values (key-path.ts), each one line of JSON.
 *
 * One is created so:                               what a kill leaves
 *
 *   1. NAME/ is made, if it is missing             an empty directory
 *   2. .tmp/PID-HEX is written, synced unless
 *      the entries are volatile                    a file in .tmp/, until somebody sweeps it
 *   3. link .tmp/PID-HEX to NAME/KEY; EEXIST:
 *      somebody else has it                        the entry, and a second name of it in .tmp/
 *   4. fsync NAME/, unless volatile                the same
 *   5. unlink .tmp/PID-HEX                         the entry
 *
 * Who replaces or removes one has flock(2) on its file, which is looked at again under the lock: a file that was
 * replaced or removed meanwhile has not its name any more, and a lock on it means nothing. For a new value 2 follows, as
 * above, rename(2) over the old file, and 4. So there is one whole value at each moment, and the lock of a process that
 * is killed is gone with it.
 *
 * A power cut takes nothing that was created or replaced before, unless it is volatile; what was removed may be back.
 * A volatile entry may then be an empty file, or have half a value: that is no entry, and gives way.
 *
 * Not by write-file-atomic: its temporary files are beside the file, have longer names than a key may have, and are not
 * hidden from who watches.
 *
 * Revisions begin at a random number and grow by one: who knows an entry that was removed does not take the next of its
 * key for it.
 */

/** {@link WatchedEntries} in the files of a directory. */
export class FileEntries<T> implements WatchedEntries<T> {
  readonly #drafts: FileDrafts
  readonly #name: string
  readonly #directory: string
  readonly #lasting: boolean

  /** @param base - the directory of the key values */
  constructor(
    base: string,
    name: string,
    drafts: FileDrafts,
    { volatile = false }: EntriesOptions,
  ) {
    this.#drafts = drafts
    this.#name = name
    this.#directory = `${base}/${name}`
    this.#lasting = !volatile
  }

  async get(key: string): Promise<Entry<T> | undefined> {
    const { path } = this.#place(key)
    const found = lookAt<T>(path)
    return found && this.#entry(found.content, path, key)
  }

  async create(key: string, value: T): Promise<number | undefined> {
    const { path, directory, within } = this.#place(key)
    checkValue(value)
    if (statEntry(path) !== undefined && !(await this.#removedTorn(path))) return undefined
    const revision = randomInt(2 ** 47)
    return this.#written({ key, revision, value }, async (draft) => {
      while (!this.#linked(draft, path, within))
        if (!(await this.#removedTorn(path))) return undefined
      try {
        if (this.#lasting) await syncDirectory(directory)
      } catch (error) {
        // Nothing of it is left, so that it can be tried again.
        if (inodeOf(draft)?.key === inodeOf(path)?.key) removeIfThere(path)
        throw error
      }
      return revision
    })
  }

  async replace(key: string, value: T, revision: number): Promise<number | undefined> {
    const { path, directory } = this.#place(key)
    checkValue(value)
    return withLockedEntry(path, async (fd) => {
      const there = this.#entry(readEntry<T>(fd, path), path, key)
      if (there?.revision !== revision) return undefined
      const next = revision + 1
      return this.#written({ key, revision: next, value }, async (draft) => {
        if (!isSameFile(fd, path)) return undefined // By a hand that knows no lock.
        replaceFile(draft, path)
        if (this.#lasting) await syncDirectory(directory)
        return next
      })
    })
  }

  async remove(key: string, revision?: number): Promise<void> {
    const { path } = this.#place(key)
    await withLockedEntry(path, (fd) => {
      if (revision !== undefined) {
        const there = this.#entry(readEntry<T>(fd, path), path, key)
        if (there?.revision !== revision) return
      }
      removeIfThere(path)
    })
  }

  async list(): Promise<ReadonlyMap<string, Entry<T>>> {
    const entries = new Map<string, Entry<T>>()
    for (const within of ['', ...keyDirectories]) {
      const directory = this.#below(within)
      for (const bytes of namesIn(directory)) {
        const name = Buffer.from(bytes, 'latin1').toString()
        if (name.startsWith('.') || (within === '' && keyDirectories.includes(name))) continue
        const path = entryPath(directory, bytes)
        const found = lookAt<T>(path)
        if (found === undefined) continue // Removed by now.
        const key = found.content?.key ?? keyOf({ directory: within, name }) ?? ''
        const own = keyPath(key)
        const isOwn = own.directory === within && own.name === name
        const entry = this.#entry(found.content, path, isOwn ? key : undefined)
        if (entry !== undefined) entries.set(key, entry)
      }
    }
    return entries
  }

  watch(
    onChange: (key: string | undefined) => void,
    onError: (error: unknown) => void,
  ): Disposable {
    this.#drafts.makeDirectory(this.#name)
    return watchEntries(this.#directory, onChange, (error) => {
      onError(error instanceof FsqError ? error : unusable(this.#directory, error))
    })
  }

  #below(within: string): string {
    return within === '' ? this.#directory : `${this.#directory}/${within}`
  }

  #place(key: string): {
    readonly within: string
    readonly directory: string
    readonly path: string
  } {
    checkKey(key)
    const { directory: within, name } = keyPath(key)
    const directory = this.#below(within)
    return { within, directory, path: `${directory}/${name}` }
  }

  /** The entry of a file; a volatile one that a power cut has torn has none. */
  #entry(
    content: EntryContent<T> | undefined,
    path: Path,
    key: string | undefined,
  ): Entry<T> | undefined {
    if (content === undefined) {
      if (this.#lasting) throw foreign(path, 'it has no entry in JSON')
      return undefined
    }
    if (content.key !== key) throw foreign(path, 'it is that of another key')
    const { value, revision } = content
    return { value, revision }
  }

  /** Removes what a power cut has left of a volatile entry; whether there is nothing any more. */
  async #removedTorn(path: string): Promise<boolean> {
    if (this.#lasting) return false
    const removed = await withLockedEntry(path, (fd) => {
      const torn = readEntry(fd, path) === undefined
      if (torn) removeIfThere(path)
      return torn
    })
    return removed ?? true
  }

  async #written<R>(content: EntryContent<T>, act: (draft: string) => Promise<R>): Promise<R> {
    try {
      return await this.#drafts.use(entryText(content), this.#lasting, act)
    } catch (error) {
      if (errnoOf(error) === undefined || error instanceof FsqError) throw error
      throw unusable(this.#directory, error)
    }
  }

  /** Gives a draft the name of its key; false where somebody else has it. */
  #linked(draft: string, path: string, within: string): boolean {
    for (let made = false; ; made = true)
      try {
        link(draft, path)
        return true
      } catch (error) {
        const errno = errnoOf(error)
        if (errno === 'EEXIST') return false
        if (errno !== 'ENOENT' || made) throw error
        this.#drafts.makeDirectory(this.#name, ...(within === '' ? [] : [within]))
      }
  }
}

/** None where there is no such directory. */
function namesIn(directory: string): string[] {
  try {
    return listNames(directory)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw unusable(directory, error)
  }
}
