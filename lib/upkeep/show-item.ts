import { errnoOf, FsqError, reasonOf } from '../errors.js'
import { checkMembers } from '../members.js'
import { toByteString } from '../name/charset.js'
import { longestName } from '../name/item-name.js'
import { close, openUnnoticed, pinDirectory, readPieces, statFile } from '../posix/files.js'
import { inodeOf } from '../posix/inode.js'
import { readLocks } from '../posix/locks.js'
import { statEntry, walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import { systemError } from '../posix/system-error.js'
import type { QueueContext } from '../queue/context.js'
import { checkQueue, failure } from '../queue/failure.js'
import { isHidden } from '../queue/list-entries.js'
import { keptOutput } from '../queue/output.js'
import { printableName } from '../queue/printable.js'
import type { Queue } from '../root/queue.js'
import { isPathComponent } from '../settings.js'
import { type ItemState, itemStates, type ListedItem, listedItem } from './list-items.js'

/** Where an item is looked for. */
export interface ShowItemOptions {
  /** The directories that it may be in. @defaultValue all: queue, done, fail and tmp */
  readonly states?: readonly ItemState[] | undefined
}

const known: ReadonlySet<string> = new Set<keyof ShowItemOptions>(['states'])

/** All that is known of one item. */
export interface ShownItem extends ListedItem {
  /** Its path; bytes where it is no text in UTF-8. */
  readonly path: string | Buffer
  /** The permission bits. */
  readonly mode: number
  /** The id of its owner. */
  readonly uid: number
  /** The id of its group. */
  readonly gid: number
  /** The process that took the lock, where Linux tells; a program that it started may have it now. */
  readonly lockedBy?: number
  /** The file with the end of what its failed program wrote, if that was kept. */
  readonly output?: string | Buffer
}

/**
 * Looks an item up, by its name or by the beginning of it, if no other item's name begins like that.
 *
 * @throws {@link FsqError} `FSQ_NO_ITEM`; `FSQ_AMBIGUOUS` where several are meant; `FSQ_NO_QUEUE`,
 * `FSQ_SCAN`.
 */
export async function showItem(
  queue: Queue,
  id: string,
  options: ShowItemOptions = {},
): Promise<ShownItem> {
  checkMembers('an option of showItem', options, known)
  const { states = itemStates } = options
  const { context } = queue
  if (typeof id !== 'string')
    throw new TypeError(`Expected the name of an item to be a string, got ${typeof id}`)
  checkQueue(context)
  try {
    const [state, entry] = find(queue, id, states)
    const path = entryPath(context.paths[state], entry)
    const stat = statEntry(path)
    if (stat === undefined) throw noSuchItem(context, id) // Somebody was faster.
    const lock = readLocks()(stat, context.paths.directory)
    const output = entryPath(context.paths.output, entry)
    return {
      ...listedItem(context, state, entry, { stat, locked: lock !== undefined }),
      path,
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      ...(lock === undefined || lock.pid <= 0 ? {} : { lockedBy: lock.pid }),
      ...(statEntry(output)?.isFile() === true ? { output } : {}),
    }
  } catch (error) {
    throw failure('FSQ_SCAN', `cannot look at item ${id} of ${context.name}`, error, context, {
      id,
    })
  }
}

/** The one entry that is meant: that of the name, or else the only one that begins so. */
function find(
  { context }: Queue,
  id: string,
  states: readonly ItemState[],
): readonly [ItemState, string] {
  if (!isPathComponent(id)) throw noSuchItem(context, id)
  const start = toByteString(id, context.reading.charset)
  const exact = states.filter((state) => start.length <= longestName && isThere(state, start))
  if (exact.length > 0) {
    const place = placeOf(exact, start)
    if (place !== undefined) return [place, start]
    throw ambiguous(context, id, `items of that name are in ${exact.join(', ')}`)
  }
  const found: [ItemState, string][] = []
  let count = 0
  for (const state of states) {
    for (const entry of entriesIn(context, state)) {
      if (!entry.startsWith(start)) continue
      if (++count <= few) found.push([state, entry])
    }
  }
  const [only] = found
  if (only === undefined) throw noSuchItem(context, id)
  if (count === 1) return only
  // An item that is being enqueued, or whose enqueue or move was cut, has its name in two directories.
  const [, name] = only
  const isOneName = count === found.length && found.every(([, entry]) => entry === name)
  const places = found.map(([state]) => state)
  const place = isOneName ? placeOf(places, name) : undefined
  if (place !== undefined) return [place, name]
  const names = found.map(([state, entry]) => `${state}/${printable(context, entry)}`)
  const others = count > few ? ` and ${count - few} others` : ''
  throw ambiguous(context, id, `the beginning of ${names.join(', ')}${others}`)

  /** Where it is, if those are the names of one file. It may have been moved from one to the other meanwhile. */
  function placeOf(places: readonly ItemState[], entry: string): ItemState | undefined {
    const there = places.flatMap((state) => {
      const key = inodeOf(entryPath(context.paths[state], entry))?.key
      return key === undefined ? [] : [{ state, key }]
    })
    if (new Set(there.map(({ key }) => key)).size > 1) return undefined
    return there[0]?.state ?? places[0] // Whoever goes on finds that it is gone.
  }

  function isThere(state: ItemState, entry: string): boolean {
    return statEntry(entryPath(context.paths[state], entry)) !== undefined
  }
}

/** So many items that may be meant are told. */
const few = 3

function* entriesIn(context: QueueContext, state: ItemState): Generator<string> {
  const directory = pinDirectory(context.paths[state])
  try {
    for (const entry of walkNames(directory.path)) if (!isHidden(entry, context)) yield entry
  } finally {
    directory.close()
  }
}

function printable({ reading }: QueueContext, entry: string): string {
  return printableName(entry, reading.charset)
}

function noSuchItem({ name: queue }: QueueContext, id: string): FsqError {
  return new FsqError('FSQ_NO_ITEM', `no such item in ${queue}: ${id}`, { queue, id })
}

function ambiguous({ name: queue }: QueueContext, id: string, what: string): FsqError {
  return new FsqError('FSQ_AMBIGUOUS', `several items of ${queue} may be meant by ${id}: ${what}`, {
    queue,
    id,
  })
}

/**
 * The body of an item, or the last 64 KiB of what its failed program wrote, in pieces, each good until
 * the next. Nothing is locked: who reads keeps nobody from the item.
 *
 * @throws {@link FsqError} `FSQ_NO_ITEM` where it is not there any more, `FSQ_BODY`.
 */
export async function* readShown(
  { queue, id, path, output }: ShownItem,
  what: 'body' | 'output' = 'body',
): AsyncGenerator<Uint8Array> {
  const from = what === 'body' ? path : output
  if (from === undefined) return
  try {
    const fd = openUnnoticed(from) // audit takes an item that was read for one whose worker died.
    try {
      const stat = statFile(fd)
      if (!stat.isFile()) throw systemError('EISDIR', from)
      // No more is kept, but the file may be anybody's.
      const start = what === 'output' ? Math.max(0, stat.size - keptOutput) : undefined
      for await (const piece of readPieces(fd, start)) yield piece
    } finally {
      close(fd)
    }
  } catch (cause) {
    if (errnoOf(cause) === undefined || cause instanceof FsqError) throw cause
    if (errnoOf(cause) === 'ENOENT')
      throw new FsqError('FSQ_NO_ITEM', `item ${id} of ${queue} is not there any more`, {
        ...{ queue, id, cause },
      })
    const message = `cannot read the ${what} of item ${id} of ${queue}: ${reasonOf(cause)}`
    throw new FsqError('FSQ_BODY', message, { queue, id, cause })
  }
}
