import { randomBytes } from 'node:crypto'
import { errnoOf, FsqError } from '../errors.js'
import { checkMembers } from '../members.js'
import { toByteString } from '../name/charset.js'
import { checkLength, parseItemName } from '../name/item-name.js'
import {
  close,
  createFile,
  isSameFile,
  openIfThere,
  setOwnership,
  writeFully,
} from '../posix/files.js'
import { link, statEntry } from '../posix/names.js'
import { entryPath, type Path } from '../posix/path.js'
import { sync } from '../posix/sync.js'
import { isPathComponent } from '../settings.js'
import { type Body, releaseBody, writeBody } from './body.js'
import type { QueueContext } from './context.js'
import { removeLeftover } from './draft.js'
import { failure, noItem } from './failure.js'
import type { Item } from './item.js'
import { type HostChoice, hostChoice } from './hosts.js'
import { itemOwnership, ownerOptions, type OwnerOptions } from './ownership.js'
import { publish } from './publish.js'

/*
 * Reenqueue, fsq(7): the item under the same name in another queue, be it one of this machine, or one
 * of another, which sends the name and the body. The steps of enqueue, but the name is given: where it
 * is there already, that is success, since it is the same item. In tmp/ the copy has a name of its own,
 * so that two that copy the same item do not meet. With `link` the item itself gets a second name, and
 * steps 1 and 2 fall away.
 */

/** How an item is put into another queue. */
export interface ReenqueueOptions extends OwnerOptions {
  /**
   * Link the item instead of copying it: no bytes are moved, but both names are one file, with one
   * owner, mode and lock; only on one file system.
   *
   * @defaultValue false
   */
  readonly link?: boolean | undefined
  /** Gives up; nothing is left of the copy then. */
  readonly signal?: AbortSignal | undefined
}

const reenqueueOptions: ReadonlySet<string> = new Set<keyof (ReenqueueOptions & HostChoice)>([
  ...ownerOptions,
  ...hostChoice,
  'link',
  'signal',
])

/**
 * Puts an item into another queue under its name. The item itself stays where it is.
 *
 * @returns false where the other queue had it already.
 * @throws {@link FsqError} `FSQ_ENQUEUE`, `FSQ_NO_QUEUE`, `FSQ_NO_ITEM`. Nothing is left in tmp/ then;
 * where the sync of queue/ failed the item may be there, and a second call completes it.
 */
export async function reenqueueItem(
  target: QueueContext,
  item: Item,
  options: ReenqueueOptions = {},
): Promise<boolean> {
  checkMembers('an option of reenqueue', options, reenqueueOptions)
  options.signal?.throwIfAborted()
  return putUnder(target, item.id, (ready) =>
    options.link === true
      ? linkItem(target, item, ready)
      : copyTo(target, ready, (fd) => writeItem(fd, item, options), options),
  )
}

/** How an item is received. Its owner and its mode are those of the settings: nobody can send them. */
export interface ReceiveOptions {
  /** Gives up; nothing is left of the item then. */
  readonly signal?: AbortSignal | undefined
}

const receiveOptions: ReadonlySet<string> = new Set<keyof ReceiveOptions>(['signal'])

/**
 * Puts an item that comes from elsewhere into a queue, under the name that it has there.
 *
 * @returns false where the queue had it already.
 * @throws {@link FsqError} `FSQ_PATH`, `FSQ_NAME_TOO_LONG`, `FSQ_MALFORMED`, `FSQ_ENCODE`, `FSQ_COERCE`
 * or `FSQ_TIMEFMT` for what is not the name of a work-item; `FSQ_ENQUEUE`, `FSQ_NO_QUEUE`, `FSQ_BODY`,
 * `FSQ_NO_USER`, `FSQ_NO_GROUP`. Nothing is left in tmp/ then; where the sync of queue/ failed the item
 * may be there, and a second call completes it.
 */
export async function receiveItem(
  target: QueueContext,
  id: string,
  body: Body,
  options: ReceiveOptions = {},
): Promise<boolean> {
  try {
    checkMembers('an option of receive', options, receiveOptions)
    options.signal?.throwIfAborted()
    checkItemName(target, id)
    const { charset } = target.writing
    const write = (fd: number): Promise<void> => writeBody(fd, body, charset, options.signal)
    return await putUnder(target, id, async (ready) => {
      if (await isThere(target, ready)) return false
      return copyTo(target, ready, write, options)
    })
  } finally {
    if (typeof body === 'object') releaseBody(body)
  }
}

/**
 * Looks whether that is the name of a work-item, and of nothing outside of queue/.
 *
 * @throws {@link FsqError} `FSQ_PATH`, `FSQ_NAME_TOO_LONG`, `FSQ_MALFORMED`, `FSQ_ENCODE`, `FSQ_COERCE`,
 * `FSQ_TIMEFMT`
 */
export function checkItemName({ name: queue, reading }: QueueContext, id: string): void {
  if (typeof id !== 'string')
    throw new TypeError(`Expected the name of an item to be a string, got ${typeof id}`)
  const fields = { queue, id }
  try {
    checkLength(id, reading.charset)
    if (!isPathComponent(id))
      throw new FsqError('FSQ_PATH', 'a name is not empty, ., .. and has no / and no NUL')
    parseItemName(id, reading)
  } catch (cause) {
    if (!(cause instanceof FsqError)) throw cause
    const message = `not the name of a work-item: ${JSON.stringify(id)}: ${cause.message}`
    throw new FsqError(cause.code, message, { ...fields, cause })
  }
}

/** Puts something into queue/ under the name of an item, and says what was attempted if that fails. */
async function putUnder(
  target: QueueContext,
  id: string,
  put: (ready: Path) => Promise<boolean>,
): Promise<boolean> {
  const ready = entryPath(target.paths.queue, toByteString(id, target.writing.charset))
  try {
    return await put(ready)
  } catch (error) {
    const attempt = `cannot reenqueue item ${id} to ${target.name}`
    throw failure('FSQ_ENQUEUE', attempt, error, target, { id })
  }
}

async function linkItem(target: QueueContext, item: Item, ready: Path): Promise<boolean> {
  const { paths, writing, name } = item.context
  const source = entryPath(paths.queue, toByteString(item.id, writing.charset))
  if (item.fd !== undefined && !isSameFile(item.fd, source)) throw noItem(name, item.id)
  // Whoever enqueued it may not have synced it.
  if (target.settings.durability !== 'none') await syncEntry(source)
  return publishUnder(target, source, ready)
}

async function writeItem(fd: number, item: Item, { signal }: ReceiveOptions): Promise<void> {
  for await (const piece of item.pieces()) {
    signal?.throwIfAborted()
    await writeFully(fd, piece)
  }
}

/** Makes a file in tmp/, has its body written, and publishes it. */
async function copyTo(
  target: QueueContext,
  ready: Path,
  write: (fd: number) => Promise<void>,
  options: OwnerOptions & ReceiveOptions,
): Promise<boolean> {
  const ownership = itemOwnership(target.settings, options)
  const tmp = `${target.paths.tmp}/reenqueue-${process.pid}-${randomBytes(6).toString('hex')}`
  const fd = createFile(tmp, ownership.mode)
  try {
    setOwnership(fd, ownership)
    await write(fd)
    if (target.settings.durability !== 'none') await sync(fd)
    options.signal?.throwIfAborted()
    return await publishUnder(target, tmp, ready)
  } finally {
    close(fd)
    removeLeftover(tmp)
  }
}

/**
 * Links a file into queue/, to last; false where the name is there already, which is made to last all
 * the same: whoever linked it may not have come so far. Nothing is taken back where that fails, since
 * by then somebody else may have been told that the item is there; a second call completes it.
 */
export async function publishUnder(
  target: QueueContext,
  from: Path,
  ready: Path,
): Promise<boolean> {
  const link = (): boolean => linkedOnce(from, ready)
  const added = await publish(target, link, () => undefined)
  if (!added && target.settings.durability !== 'none') await syncEntry(ready)
  return added
}

/**
 * Whether the item is in queue/ already, and lasts: then its body, which may be large, need not be looked
 * at.
 */
async function isThere(target: QueueContext, ready: Path): Promise<boolean> {
  if (statEntry(ready)?.isFile() !== true) return false
  if (target.settings.durability === 'none') return true
  await syncEntry(ready)
  await publish(
    target,
    () => undefined,
    () => undefined,
  )
  return true
}

/** fsync(2) of a file by its name, if it is still there. */
async function syncEntry(path: Path): Promise<void> {
  const fd = openIfThere(path)
  if (fd === undefined) return
  try {
    await sync(fd)
  } finally {
    close(fd)
  }
}

/**
 * Links a file to a name; false where an item has the name already. What is there may be something else,
 * as a directory that somebody made: to take that for the item would lose it.
 */
function linkedOnce(from: Path, to: Path): boolean {
  try {
    link(from, to)
    return true
  } catch (error) {
    const isItem = statEntry(to)?.isFile() ?? true // It was there, and somebody has finished it.
    if (errnoOf(error) === 'EEXIST' && isItem) return false
    throw error
  }
}
