import { deferred, type Deferred } from '../deferred.js'
import { nextTurn } from '../turn.js'
import { type FileStat, isSameFile, pinDirectory, type PinnedDirectory } from './files.js'
import { glanceAt } from './glance.js'
import type { Path } from './path.js'
import { systemError } from './system-error.js'

/*
 * Group commit. A directory is synced as a whole, so changes in the same directory at the same time
 * need one fsync(2) between them. While one runs, those who want to change something gather behind it:
 *
 *   1. the directory is opened
 *   2. all changes that gathered are made, one after the other
 *   3. the fsync of the directory
 *   4. whoever made one of them goes on, or learns that it failed, and was taken back
 *
 * A change is never made while the directory is being synced, when it would wait for the kernel's lock
 * of it and not be covered.
 *
 * A sync that is made by the calling thread (sync.ts) lets nobody gather behind it. So where the last changes
 * of a directory came together, a lot first waits for the end of this turn of the event loop. Where they come
 * alone, each waits for one fsync and for nothing else, but for one in sixteen, which finds out whether they
 * still do.
 */

/** Of so many changes that come alone, one waits for others. */
const probeEvery = 16

/** How many changes in a row came alone, by directory: 0 where the last came together. */
const alone = new Map<string, number>()

/** Of how many directories that is remembered, before it is forgotten and found out again. */
const mostRemembered = 1000

/** What is done in a directory. */
export interface DirectoryChange<T> {
  /** Does it. What it throws concerns this change alone. */
  readonly make: (directory: PinnedDirectory) => T
  /** Takes back what was made, which is not going to last; the caller is told that it failed. Never throws. */
  readonly undo: (made: T, directory: PinnedDirectory) => void
  /**
   * Whether the directory must be in its place afterwards, for a change that goes by its path. It fails with
   * ENOENT where the path means another directory by then, or none.
   *
   * @defaultValue false
   */
  readonly inPlace?: boolean
}

/** A change whose type does not matter to the others. */
interface Member {
  /** False where it failed. */
  readonly make: (directory: PinnedDirectory) => boolean
  readonly inPlace: boolean
  readonly last: () => void
  readonly fail: (reason: unknown, directory: PinnedDirectory) => void
}

/** Changes that share an fsync. */
class Lot {
  readonly #path: Path
  readonly #directory: PinnedDirectory
  readonly #members: Member[] = []

  constructor(path: Path) {
    this.#path = path
    this.#directory = pinDirectory(path)
  }

  /** How many changes have gathered. */
  get size(): number {
    return this.#members.length
  }

  /** Whether the path means the directory of this lot now. */
  get isInPlace(): boolean {
    return isSameFile(this.#directory.fd, this.#path)
  }

  async add<T>({ make, undo, inPlace = false }: DirectoryChange<T>): Promise<T> {
    const done: Deferred<T> = deferred()
    let made: { readonly value: T } | undefined
    this.#members.push({
      inPlace,
      make: (directory) => {
        try {
          made = { value: make(directory) }
        } catch (error) {
          done.reject(error)
        }
        return made !== undefined
      },
      last: () => {
        if (made !== undefined) done.resolve(made.value)
      },
      fail: (reason, directory) => {
        if (made !== undefined) undo(made.value, directory)
        done.reject(reason)
      },
    })
    return done.promise
  }

  /** Makes all of them. Never rejects. */
  async run(): Promise<void> {
    const directory = this.#directory
    let made = this.#members.filter(({ make }) => make(directory))
    try {
      const stat = glanceAt(directory.fd)
      made = this.#inPlace(made, stat)
      if (made.length > 0) await directory.sync(stat)
      for (const { last } of made) last()
    } catch (error) {
      for (const { fail } of made) fail(error, directory)
    } finally {
      directory.close()
    }
  }

  /** Those that may stay as they were made. */
  #inPlace(made: Member[], stat: FileStat): Member[] {
    if (!made.some(({ inPlace }) => inPlace)) return made
    if (isSameFile(this.#directory.fd, this.#path, stat)) return made
    const error = systemError('ENOENT', this.#path)
    for (const { inPlace, fail } of made) if (inPlace) fail(error, this.#directory)
    return made.filter(({ inPlace }) => !inPlace)
  }
}

/** Those that have not begun, by the path of the directory. */
const next = new Map<string, Lot>()

/** Those that run. */
const running = new Map<string, Promise<void>>()

/**
 * Makes a change in a directory, and waits until it survives the loss of power. Whoever changes the same
 * directory at the same time shares the fsync(2).
 *
 * @throws what `make` throws; the system's error. The fsync is final: the change was taken back, nobody
 * tries again on that descriptor (fsync(2), Linux: the kernel may have dropped the pages).
 */
export async function changeDirectory<T>(path: string, change: DirectoryChange<T>): Promise<T> {
  return gathering(path).add(change)
}

/** {@link changeDirectory} where the change need not survive the loss of power. */
export function changeUnsynced<T>(path: string, change: DirectoryChange<T>): T {
  const earlier = held.get(path)
  if (earlier === undefined) return changeIn(hold(path), path, change)
  try {
    return changeIn(earlier, path, change)
  } catch (error) {
    if (isSameFile(earlier.fd, path)) throw error
    return changeIn(hold(path), path, change) // Another has its place since.
  }
}

function changeIn<T>(directory: PinnedDirectory, path: string, change: DirectoryChange<T>): T {
  const made = change.make(directory)
  if (change.inPlace === true && !isSameFile(directory.fd, path)) {
    change.undo(made, directory)
    throw systemError('ENOENT', path)
  }
  return made
}

/** Directories that are open until this turn of the event loop ends: to open one takes as long as the change. */
const held = new Map<string, PinnedDirectory>()

function hold(path: string): PinnedDirectory {
  const directory = pinDirectory(path)
  held.set(path, directory)
  setImmediate(() => {
    if (held.get(path) === directory) held.delete(path)
    directory.close()
  })
  return directory
}

/**
 * Waits until every change that was made in the directory before this call survives the loss of
 * power. Whoever waits for the same directory at the same time shares the fsync(2).
 *
 * @throws the system's error. The fsync is final: whoever made a change takes it back.
 */
export async function syncDirectory(path: Path): Promise<void> {
  const nothing = { make: () => undefined, undo: () => undefined }
  // What took the place of another directory meanwhile is not synced by syncing that.
  if (typeof path === 'string' && next.get(path)?.isInPlace !== false) {
    await changeDirectory(path, nothing)
    return
  }
  const lot = new Lot(path)
  const added = lot.add(nothing)
  await Promise.all([added, lot.run()])
}

/** The lot that changes of the directory are to join. */
function gathering(path: string): Lot {
  const there = next.get(path)
  if (there !== undefined) return there
  const lot = new Lot(path)
  next.set(path, lot)
  void runNext(path, lot)
  return lot
}

/** Makes the changes as soon as no others of that directory are synced. */
async function runNext(path: string, lot: Lot): Promise<void> {
  await running.get(path)
  const before = alone.get(path) ?? 1
  if (before % probeEvery === 0) await nextTurn()
  next.delete(path)
  if (alone.size > mostRemembered) alone.clear()
  alone.set(path, lot.size > 1 ? 0 : before + 1)
  const run = lot.run()
  running.set(path, run)
  await run
  if (running.get(path) === run) running.delete(path)
}
