import { errnoOf, FsqError } from '../errors.js'
import { checkMembers } from '../members.js'
import { fromByteString, toByteString } from '../name/charset.js'
import { parseItemName } from '../name/item-name.js'
import { close, type FileStat, isSameFile, openIfThere, openUnnoticed } from '../posix/files.js'
import { glanceAt } from '../posix/glance.js'
import { statEntry } from '../posix/names.js'
import { getNative } from '../posix/native.js'
import { entryPath, type Path } from '../posix/path.js'
import { isPathComponent } from '../settings.js'
import type { QueueContext } from './context.js'
import { checkQueue, failure, notWorkItem } from './failure.js'
import { type Limits, resolveLimits } from './finish.js'
import { Item } from './item.js'
import { notBefore } from './not-before.js'

/*
 * Claiming, fsq(7): the steps from a name in queue/ to an item that is ours alone. Nothing is
 * written, so a crash leaves nothing: the lock goes with the descriptor.
 *
 *   1. open the entry; only a regular file is an item
 *   2. flock(2) it, exclusively, without waiting
 *   3. look that the name still means the file that is locked: between 1 and 2 somebody else may
 *      have finished it, and then it would be worked on twice
 *   4. parse the name
 */

/** What became of an entry: claimed, or why not. */
export type Claim =
  | { readonly item: Item }
  | { readonly skipped: 'gone' | 'locked' }
  | { readonly skipped: 'early'; readonly notBefore: number }
  | { readonly malformed: FsqError; readonly fd?: number }

/** How an entry is claimed. */
export interface ClaimOptions {
  /** Whether to take the lock. */
  readonly lock: boolean
  /** Whether to open the item even where it is not locked, so that its body can be read. */
  readonly open: boolean
  /** Whether to claim an item before its time. @defaultValue false */
  readonly early?: boolean
  /**
   * Whether nobody is to see that it was looked at: audit takes an item whose body was read for one that was
   * worked on. @defaultValue false
   */
  readonly unnoticed?: boolean
  readonly limits: Limits
  /** How long an item that fails temporarily waits for its next try, in seconds. */
  readonly backoff?: ((failures: number) => number) | undefined
  readonly onClose?: ((item: Item) => void) | undefined
}

/** Claims an entry of queue/, whose name is a byte string. Throws what keeps it from trying. */
export function claimEntry(queue: QueueContext, entry: string, options: ClaimOptions): Claim {
  const path = entryPath(queue.paths.queue, entry)
  if (!options.lock && !options.open) {
    const stat = statEntry(path)
    if (stat === undefined) return { skipped: 'gone' }
    if (!stat.isFile()) return { malformed: notFile() }
    return early(queue, stat, options) ?? parsed(queue, entry, path, undefined, options)
  }
  const opened = open(path, options)
  if (typeof opened !== 'number') return opened
  let kept = false
  try {
    const stat = glanceAt(opened)
    if (!stat.isFile()) return { malformed: notFile() }
    const waits = early(queue, stat, options)
    if (waits !== undefined) return waits
    if (options.lock && !getNative().flock(opened)) return { skipped: 'locked' }
    if (!isSameFile(opened, path, stat)) return { skipped: 'gone' }
    const claim = parsed(queue, entry, path, opened, options, stat)
    kept = true
    return claim
  } finally {
    if (!kept) close(opened)
  }
}

function early({ clock }: QueueContext, stat: FileStat, options: ClaimOptions): Claim | undefined {
  const time = options.early === true ? undefined : notBefore(stat, clock.now())
  return time === undefined ? undefined : { skipped: 'early', notBefore: time }
}

function open(path: Path, { unnoticed = false }: ClaimOptions): number | Claim {
  try {
    return unnoticed ? openUnnoticed(path) : (openIfThere(path) ?? { skipped: 'gone' })
  } catch (error) {
    switch (errnoOf(error)) {
      case 'ENOENT':
        return { skipped: 'gone' }
      case 'ELOOP': // A symbolic link,
      case 'ENXIO': // a socket,
      case 'ENODEV': // or a device without a driver.
        return { malformed: notFile() }
      default:
        throw error
    }
  }
}

function parsed(
  context: QueueContext,
  entry: string,
  path: Path,
  fd: number | undefined,
  { limits, backoff, onClose }: ClaimOptions,
  stat?: FileStat,
): Claim {
  try {
    const id = fromByteString(entry, context.reading.charset)
    const name = parseItemName(id, context.reading)
    const parts = { context, id, path, name, fd, stat, ownsFd: true, limits, backoff, onClose }
    return { item: new Item(parts) }
  } catch (error) {
    if (!(error instanceof FsqError)) throw error
    return { malformed: error, ...(fd === undefined ? {} : { fd }) }
  }
}

function notFile(): FsqError {
  return new FsqError('FSQ_MALFORMED', 'the entry is not a regular file')
}

/** How an item is claimed by its name; limits that are left out are those of the settings. */
export interface ClaimByNameOptions extends Partial<Limits> {
  /**
   * Descriptors of this process that may already hold the item's lock, such as the standard input
   * of a program that scan runs. Holding means the very open file that is locked, not merely the
   * same file.
   *
   * @defaultValue none
   */
  readonly inherited?: readonly number[]
  /** Lock the item. Without, see to it that nobody else works on it. @defaultValue true */
  readonly lock?: boolean
}

const claimOptions: ReadonlySet<string> = new Set<keyof ClaimByNameOptions>([
  'maxTries',
  'ttl',
  'inherited',
  'lock',
])

/**
 * Claims the item of that name.
 *
 * @throws {@link FsqError} `FSQ_NO_ITEM`, `FSQ_ITEM_LOCKED` where somebody is working on it,
 * `FSQ_MALFORMED` and the other codes of names where it is no work-item, `FSQ_NO_QUEUE`,
 * `FSQ_SCAN`.
 */
export function claimByName(
  queue: QueueContext,
  id: string,
  options: ClaimByNameOptions = {},
): Item {
  checkMembers('an option of claim', options, claimOptions)
  const { inherited = [], lock = true } = options
  const limits = resolveLimits(options, queue.settings)
  if (typeof id !== 'string')
    throw new TypeError(`Expected the name of an item to be a string, got ${typeof id}`)
  const fields = { queue: queue.name, id }
  if (!isPathComponent(id))
    throw new FsqError('FSQ_PATH', `illegal item name: ${JSON.stringify(id)}`, fields)
  const entry = toByteString(id, queue.reading.charset)
  const claim = ((): Claim => {
    try {
      return claimEntry(queue, entry, { lock, open: true, early: true, limits })
    } catch (error) {
      throw failure('FSQ_SCAN', `cannot open item ${id} of ${queue.name}`, error, queue, { id })
    }
  })()
  if ('item' in claim) return claim.item
  if ('malformed' in claim) {
    if (claim.fd !== undefined) close(claim.fd)
    throw notWorkItem(queue, 'queue', id, claim.malformed)
  }
  if (claim.skipped !== 'locked') {
    checkQueue(queue)
    throw new FsqError('FSQ_NO_ITEM', `no such item in the queue ${queue.name}: ${id}`, fields)
  }
  const path = entryPath(queue.paths.queue, entry)
  const fd = inherited.find((candidate) => holdsLock(candidate, path))
  if (fd === undefined) {
    throw new FsqError('FSQ_ITEM_LOCKED', `somebody is working on item ${id}; it is locked`, fields)
  }
  const name = parseItemName(id, queue.reading)
  const stat = glanceAt(fd)
  return new Item({ context: queue, id, path, name, fd, stat, ownsFd: false, limits })
}

/**
 * Whether a descriptor is the open file that holds the lock: locking it again then succeeds, since
 * a flock(2) belongs to the open file and not to the process.
 */
function holdsLock(fd: number, path: Path): boolean {
  try {
    return isSameFile(fd, path) && getNative().flock(fd)
  } catch {
    return false // Not an open descriptor, or not one that can be locked.
  }
}
