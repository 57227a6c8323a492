import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { all } from '../all.js'
import { errnoOf, FsqError } from '../errors.js'
import { fromByteString } from '../name/charset.js'
import { sortNames } from '../name/order.js'
import { syncDirectory } from '../posix/directory-sync.js'
import { isSameFile, pinDirectory, type PinnedDirectory } from '../posix/files.js'
import { inodeOf } from '../posix/inode.js'
import {
  isDirectory,
  listNames,
  moveNoReplace,
  removeDirectory,
  statEntry,
  unlink,
  walkNames,
} from '../posix/names.js'
import { getNative } from '../posix/native.js'
import { entryPath, type Path } from '../posix/path.js'
import type { QueueContext } from './context.js'
import { makeSideDirectory } from './side-directory.js'

/*
 * The keys of items that were enqueued with one: `.ids/HASH/NAME`, a directory for each key, with a
 * second name (link) of the item's file, the name that the file had in tmp/.
 *
 * An item moves by rename(2) or by link(2) and unlink(2), so that its file stays the same for life, and
 * the link count of the file tells whether it is an item: whether it has another name than those in
 * .ids/ and in tmp/. Nothing has to be kept up to date by who finishes or removes an item, be it
 * another program, and no key outlives its item.
 *
 * Whoever enqueues under a key holds flock(2) on the directory of the key until its item is there to
 * stay, or is given up. The lock ends with the process, so what its holder sees is never on its way.
 *
 *   1. make .ids/HASH, if it is missing     an empty directory: whoever comes next removes it
 *   2. lock it, and look that it is still
 *      there; what is no item goes, and
 *      the directory with it (start over)   the same
 *   3. link tmp/NAME to .ids/HASH/NAME      a key without an item, until somebody comes by
 *   4. fsync .ids/HASH and .ids/            the same
 *   5. the steps of enqueue from its link   the key and its item, or a key without an item
 *   6. unlock                               the key and its item
 *
 * By 4 the loss of power leaves no item without its key.
 *
 * What is in the directory of a key is reached by the path under which that is held open: who may write to the
 * queue may put a link in its place, and all files where that leads would look like keys without items. And who
 * may not look into it, since its maker could not give it the group of queue/, removes it while it is empty, and makes
 * another: a link into that would be one of two under the same key.
 */

/** A key is kept as its hash; this is only so that nobody takes it for a place for data. In bytes. */
export const longestKey = 4096

/** @throws `TypeError` for what is no key. */
export function checkKey(key: unknown): void {
  if (typeof key !== 'string' || key === '')
    throw new TypeError(`Expected \`id\` to be text that is not empty, got ${JSON.stringify(key)}`)
  // A lone surrogate cannot be written in UTF-8, and two of them would be one key.
  if (/\p{Surrogate}/u.test(key))
    throw new TypeError('Expected `id` to be text, got half a character')
  const length = Buffer.byteLength(key)
  if (length > longestKey)
    throw new TypeError(`Expected \`id\` to have at most ${longestKey} bytes, got ${length}`)
}

/** A link in the directory of a key. */
export interface KeyEntry {
  /** The name, a byte string. */
  readonly name: string
  readonly path: Path
  /** Whether the file is an item: it has a name elsewhere, apart from that in tmp/. */
  readonly isItem: boolean
  /** Whether it still has its name in tmp/. */
  readonly isInTmp: boolean
}

/** The links of a key, in the order of enqueueing. */
export function entriesOf({ paths }: QueueContext, directory: string): KeyEntry[] {
  return sortNames(listNames(directory)).map((name) => {
    const path = entryPath(directory, name)
    const tmp = entryPath(paths.tmp, name)
    for (;;) {
      const file = inodeOf(path)
      const isInTmp = file !== undefined && file.key === inodeOf(tmp)?.key
      // Between the two looks somebody may have swept tmp/: then they do not belong together.
      if (file?.links !== inodeOf(path)?.links) continue
      return { name, path, isInTmp, isItem: (file?.links ?? 0) > (isInTmp ? 2 : 1) }
    }
  })
}

/** The name of the item of a link in a directory of the queue, a byte string; nothing where it is not there. */
export function nameIn(directory: string, { name, path, isInTmp }: KeyEntry): string | undefined {
  const file = inodeOf(path)?.key
  if (file === undefined) return undefined
  const isIt = (candidate: string): boolean =>
    inodeOf(entryPath(directory, candidate))?.key === file
  if (isIt(name)) return name
  const delimiter = name.charAt(0)
  const [, timestamp, , pid, host] = name.split(delimiter)
  // A retry keeps the timestamp. An enqueuer that was killed may have given it a number, in another second.
  const kept = (isInTmp ? [pid, host] : [timestamp]).join(delimiter)
  for (const candidate of walkNames(directory, 1))
    if (candidate.includes(`${delimiter}${kept}${delimiter}`) && isIt(candidate)) return candidate
  return undefined
}

/** The directory of a key, locked. */
export class HeldKey {
  readonly #queue: QueueContext
  readonly #directory: string
  readonly #pinned: PinnedDirectory
  /** The items under the key, the last one last: mostly one, or none. Their paths hold as long as the key is held. */
  readonly items: readonly KeyEntry[]

  constructor(
    queue: QueueContext,
    directory: string,
    pinned: PinnedDirectory,
    items: readonly KeyEntry[],
  ) {
    this.#queue = queue
    this.#directory = directory
    this.#pinned = pinned
    this.items = items
  }

  /** Where an entry of that name is, or would be. */
  path(name: string): Path {
    return entryPath(this.#pinned.path, name)
  }

  /** Whether it is still the key: who may not look into an empty directory of somebody else removes it. */
  isThere(): boolean {
    return isSameFile(this.#pinned.fd, this.#directory)
  }

  /** Gives a link another name. */
  rename(from: string, to: string): void {
    if (from === to) return
    if (moveNoReplace(this.path(from), this.path(to)) === 'linked') unlink(this.path(from))
  }

  /** Makes the links of the key last. */
  async sync(): Promise<void> {
    const { ids, directory } = this.#queue.paths
    const made = inodeOf(ids)?.incarnation
    const isNew = lasting.get(ids) !== made
    const syncs = [this.#pinned.sync(), syncDirectory(ids)]
    if (isNew) syncs.push(syncDirectory(`${directory}/.`))
    await all(syncs)
    if (made !== undefined) lasting.set(ids, made)
  }

  /** Removes the links that are no items, and where none is left the key. */
  clear(): void {
    clearKey(this.#queue, this.#directory, this.#pinned)
  }

  /** Gives the lock up. */
  close(): void {
    this.#pinned.close()
  }
}

/** The directories .ids/, by path, whose own name this process knows to last. */
const lasting = new Map<string, string>()

/** For so long, in milliseconds, one waits for another who enqueues under the same key. */
const patience = 10_000

/** How long one waits between two looks, in milliseconds, at most. */
const longestPause = 50

/**
 * Locks a key; waits while somebody else has it.
 *
 * @throws {@link FsqError} `FSQ_ID_BUSY`; the system's error; the reason of the signal.
 */
export async function holdKey(
  queue: QueueContext,
  key: string,
  signal?: AbortSignal,
): Promise<HeldKey> {
  const until = performance.now() + patience
  for (let pause = 1; ; pause = Math.min(2 * pause, longestPause)) {
    signal?.throwIfAborted()
    const held = tryKey(queue, key)
    if (held !== undefined) return held
    if (performance.now() > until)
      throw new FsqError(
        'FSQ_ID_BUSY',
        `somebody else has been enqueueing to ${queue.name} under that id for ${patience / 1000} s`,
        { queue: queue.name },
      )
    await setTimeout(pause)
  }
}

/** Locks a key; undefined where somebody else has it. */
export function tryKey(queue: QueueContext, key: string): HeldKey | undefined {
  const directory = keyDirectory(queue, key)
  for (;;) {
    const made = makeKey(queue, directory)
    const pinned = openKey(directory)
    if (pinned === undefined) continue
    let held: HeldKey | undefined
    try {
      if (!getNative().flock(pinned.fd)) return undefined
      if (!isSameFile(pinned.fd, directory)) continue // Its last holder has removed it.
      const items = entriesOf(queue, pinned.path).filter(({ isItem }) => isItem)
      if (made || items.length > 0) return (held = new HeldKey(queue, directory, pinned, items))
      clearKey(queue, directory, pinned)
    } finally {
      if (held === undefined) pinned.close()
    }
  }
}

/**
 * Locks a key that somebody has enqueued under before; undefined where there is none. A key that
 * somebody has locked is waited for.
 */
export async function holdKnownKey(
  queue: QueueContext,
  key: string,
  signal?: AbortSignal,
): Promise<HeldKey | undefined> {
  if (statEntry(keyDirectory(queue, key)) === undefined) return undefined
  const held = await holdKey(queue, key, signal)
  if (held.items.length > 0) return held
  try {
    held.clear()
  } finally {
    held.close()
  }
  return undefined
}

/**
 * Removes a key, by its directory, if there is no item under it and nobody is enqueueing one.
 *
 * @returns whether it is gone by this.
 */
export function removeIfStale(queue: QueueContext, directory: string): boolean {
  const { ids } = queue.paths
  if (!isDirectory(ids)) return false
  const parent = pinDirectory(ids)
  try {
    const path = `${parent.path}/${basename(directory)}`
    const pinned = openKey(path)
    if (pinned === undefined) return false
    try {
      if (!getNative().flock(pinned.fd) || !isSameFile(pinned.fd, path)) return false
      return clearKey(queue, path, pinned)
    } finally {
      pinned.close()
    }
  } finally {
    parent.close()
  }
}

/** The name of the item of a link. */
export function idOf({ reading }: QueueContext, { name }: KeyEntry): string {
  return fromByteString(name, reading.charset)
}

function keyDirectory({ paths }: QueueContext, key: string): string {
  return `${paths.ids}/${createHash('sha256').update(key).digest('hex')}`
}

/** Whether the directory was made by this. Whoever makes it may still be the second to lock it. */
function makeKey(queue: QueueContext, directory: string): boolean {
  makeSideDirectory(queue, queue.paths.ids)
  return makeSideDirectory(queue, directory, 'key')
}

/** Undefined where it is gone. */
function openKey(directory: string): PinnedDirectory | undefined {
  try {
    return pinDirectory(directory)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    if (errnoOf(error) !== 'EACCES') throw error
    // Somebody else's, who could not give it the group of queue/.
    if (!removedIfEmpty(directory)) throw error
    return undefined
  }
}

/** Of a key that is locked: whether nothing is left of it. */
function clearKey(queue: QueueContext, directory: string, pinned: PinnedDirectory): boolean {
  for (const { isItem, path } of entriesOf(queue, pinned.path)) if (!isItem) unlink(path)
  return removedIfEmpty(directory)
}

function removedIfEmpty(directory: string): boolean {
  try {
    removeDirectory(directory)
    return true
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) return false
    if (errnoOf(error) === 'ENOENT') return true
    throw error
  }
}
