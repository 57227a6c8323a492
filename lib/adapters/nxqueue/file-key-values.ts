import { dirname } from 'node:path'
import {
  checkEntriesName,
  type EntriesOptions,
  type Hold,
  type KeyValues,
  type WatchedEntries,
} from '../../key-values.js'
import { FileDrafts } from './file-drafts.js'
import { FileEntries } from './file-entries.js'
import { holdFile } from './file-hold.js'
import { ownershipLike } from './own-directory.js'

/**
 * {@link KeyValues} in a directory, for processes that share a file system: `NAME/KEY` is an entry (file-entries.ts),
 * `NAME.lock` a hold (file-hold.ts). Directories and files are made when they are needed, with the owner and the mode of
 * what the directory is in.
 */
export function fileKeyValues(directory: string): KeyValues {
  return new FileKeyValues(directory)
}

class FileKeyValues implements KeyValues {
  readonly #directory: string
  readonly #drafts: FileDrafts
  readonly #held = new Set<Disposable>()

  constructor(directory: string) {
    this.#directory = directory
    this.#drafts = new FileDrafts(directory)
  }

  entries<T>(name: string, options: EntriesOptions = {}): WatchedEntries<T> {
    checkEntriesName(name)
    return new FileEntries<T>(this.#directory, name, this.#drafts, options)
  }

  async hold(name: string, holder: string): Promise<Hold | undefined> {
    checkEntriesName(name)
    this.#drafts.makeDirectory()
    const { uid, gid, mode } = ownershipLike(dirname(this.#directory))
    const hold = await holdFile(`${this.#directory}/${name}.lock`, holder, {
      uid,
      gid,
      mode: mode & 0o666,
    })
    if (hold !== undefined) this.#held.add(hold)
    return hold
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const hold of this.#held) hold[Symbol.dispose]()
    this.#held.clear()
  }
}
