import { basename, dirname } from 'node:path'
import { FsqError } from '../../errors.js'
import { inodeOf } from '../../posix/inode.js'
import { statEntry } from '../../posix/names.js'
import { realPath } from '../../posix/real-path.js'
import { watchDirectory } from '../../posix/watch.js'
import { inventoryFiles } from './inventory-files.js'

/** The names in a directory that count; undefined: all. */
type Names = ReadonlySet<string> | undefined

interface Listener {
  readonly onChange: () => void
  /** Something cannot be watched; told of once until all can be watched again. */
  readonly onError: (error: unknown) => void
}

/**
 * Watches the directories in which an edit of an inventory shows: that of its name, since editors put a new file
 * in the place of the old one; that to which a link leads; and that of each file, where these are links.
 */
export class WatchedPaths implements Disposable {
  readonly #path: string
  readonly #listener: Listener
  readonly #watches = new Map<
    string,
    { readonly incarnation: string; readonly watch: Disposable }
  >()
  #names: ReadonlyMap<string, Names> = new Map()
  #isBlind = false

  /** @param path - absolute */
  constructor(path: string, listener: Listener) {
    this.#path = path
    this.#listener = listener
  }

  /** Looks which directories these are now, and watches them. */
  check(): void {
    this.#names = directoriesOf(this.#path)
    for (const directory of this.#watches.keys())
      if (!this.#names.has(directory)) this.#unwatch(directory)
    try {
      for (const directory of this.#names.keys()) this.#watch(directory)
      this.#isBlind = false
    } catch (error) {
      this.#report(error)
    }
  }

  [Symbol.dispose](): void {
    for (const directory of this.#watches.keys()) this.#unwatch(directory)
  }

  /** Watches a directory, and another that took its place. */
  #watch(directory: string): void {
    const incarnation = inodeOf(directory)?.incarnation
    if (incarnation !== undefined && this.#watches.get(directory)?.incarnation === incarnation)
      return
    this.#unwatch(directory)
    if (incarnation === undefined) return // That above tells when it comes back.
    const onName = (name?: string): void => {
      const names = this.#names.get(directory)
      if (name === undefined || names?.has(name) !== false) this.#listener.onChange()
    }
    const watch = watchDirectory(directory, onName, (error) => {
      this.#unwatch(directory)
      this.#report(error)
    })
    this.#watches.set(directory, { incarnation, watch })
  }

  #unwatch(directory: string): void {
    this.#watches.get(directory)?.watch[Symbol.dispose]()
    this.#watches.delete(directory)
  }

  #report(error: unknown): void {
    if (this.#isBlind) return
    this.#isBlind = true
    this.#listener.onError(error)
  }
}

/** The directories to watch, by their paths without links. */
function directoriesOf(path: string): Map<string, Names> {
  const found = new Map<string, Names>()
  const add = (directory: string | undefined, name?: string): void => {
    if (directory === undefined) return
    const names = found.get(directory)
    if (name === undefined) found.set(directory, undefined)
    else if (!found.has(directory)) found.set(directory, new Set([byteName(name)]))
    else if (names !== undefined) found.set(directory, new Set([...names, byteName(name)]))
  }
  // A link may lead through others beside it, which are exchanged instead.
  add(realOf(dirname(path)), isLink(path) ? undefined : basename(path))
  const real = realOf(path)
  if (real === undefined) return found
  add(dirname(real), basename(real))
  if (statEntry(real)?.isDirectory() !== true) return found
  add(real)
  for (const file of filesOf(real)) {
    const target = realOf(file)
    if (target !== undefined) add(dirname(target), basename(target))
  }
  return found
}

function isLink(path: string): boolean {
  return statEntry(path)?.isSymbolicLink() === true
}

/** Nothing where there is nothing. */
function realOf(path: string): string | undefined {
  try {
    return realPath(path)
  } catch {
    return undefined
  }
}

/** Those whose names are texts. */
function filesOf(directory: string): string[] {
  try {
    return inventoryFiles(directory).flatMap(({ path }) => (typeof path === 'string' ? path : []))
  } catch (error) {
    if (error instanceof FsqError) return []
    throw error
  }
}

/** A name as watchDirectory tells it. */
function byteName(name: string): string {
  return Buffer.from(name).toString('latin1')
}
