import { hostname } from 'node:os'
import { errnoOf, FsqError } from '../errors.js'
import { toByteString } from '../name/charset.js'
import { type Argument, coerce } from '../name/encode.js'
import { formatItemName } from '../name/item-name.js'
import { nameRules } from '../name/options.js'
import {
  close,
  createFile,
  isSameFile,
  setOwnership,
  syncDirectory,
  syncFile,
} from '../posix/files.js'
import { link, unlink } from '../posix/names.js'
import { entryPath, type Path } from '../posix/path.js'
import { type Body, releaseBody, writeBody } from './body.js'
import type { QueueContext } from './context.js'
import { nextEntropy } from './entropy.js'
import { failure } from './failure.js'
import { itemOwnership, type OwnerOptions } from './ownership.js'

/*
 * Enqueue, fsq(7). What a crash leaves after each step:
 *
 *   1. open tmp/NAME with O_CREAT|O_EXCL    a stale file in tmp/
 *   2. write the body, fsync the file       a stale file in tmp/
 *   3. link tmp/NAME to queue/NAME          the item in queue/, one inode in both places
 *   4. fsync queue/                         the same, and now the item survives a power cut
 *   5. unlink tmp/NAME                      the item in queue/
 *   6. tell the caller
 *
 * Nothing in queue/ is ever incomplete, and nothing that the caller was told of is ever missing.
 * Whatever fails before 6 is undone.
 */

/** How an item is enqueued. */
export interface EnqueueOptions extends OwnerOptions {
  /**
   * The entropy of the name; an item that has it already is then an error.
   *
   * @defaultValue counted up until the name is free
   */
  readonly entropy?: number | string | undefined
  /** The time in the name, from which its age counts. @defaultValue now */
  readonly enqueuedAt?: Date | undefined
  /** The delimiter of the name; one ASCII character. @defaultValue FSQ_DELIMITER */
  readonly delimiter?: string | undefined
  /** Gives up; nothing is left of the item then. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Puts an item into the queue and returns its name once it is there to stay.
 *
 * @throws {@link FsqError} `FSQ_ENQUEUE` and the codes that say it closer: `FSQ_NO_QUEUE`,
 * `FSQ_NAME_TOO_LONG`, `FSQ_COERCE`, `FSQ_ENCODE`, `FSQ_DUPLICATE`, `FSQ_NO_USER`,
 * `FSQ_NO_GROUP`, `FSQ_BODY`. In each case nothing was enqueued and nothing is left behind.
 */
export async function enqueueItem(
  queue: QueueContext,
  body: Body,
  args: readonly Argument[],
  options: EnqueueOptions = {},
): Promise<string> {
  try {
    return await enqueueBody(queue, body, args, options)
  } finally {
    if (typeof body === 'object') releaseBody(body)
  }
}

async function enqueueBody(
  queue: QueueContext,
  body: Body,
  args: readonly Argument[],
  options: EnqueueOptions,
): Promise<string> {
  const { signal } = options
  signal?.throwIfAborted()
  const ownership = itemOwnership(queue.settings, options)
  const nextName = nameSource(queue, args, options)
  try {
    const { path: tmp, made: fd } = firstFree(queue, queue.paths.tmp, nextName, (path) =>
      createFile(path, ownership.mode),
    )
    try {
      setOwnership(fd, ownership)
      await writeBody(fd, body, queue.writing.charset, signal)
      await syncFile(fd)
      signal?.throwIfAborted()
      const { id, path: ready } = firstFree(queue, queue.paths.queue, nextName, (path) => {
        link(tmp, path)
      })
      await syncEntry(queue, fd, ready)
      return id
    } finally {
      close(fd)
      removeLeftover(tmp)
    }
  } catch (error) {
    throw failure('FSQ_ENQUEUE', `cannot enqueue to ${queue.name}`, error, queue)
  }
}

/** Gives the name to try; called with `true` after one was taken, the next. */
function nameSource(
  queue: QueueContext,
  args: readonly Argument[],
  options: EnqueueOptions,
): (taken: boolean) => string {
  const { settings, writing, reading } = queue
  const { delimiter } = options
  const rules = delimiter === undefined ? writing : nameRules({ ...settings, delimiter })
  const enqueuedAt = options.enqueuedAt ?? new Date()
  if (Number.isNaN(enqueuedAt.getTime()))
    throw new TypeError('Expected `enqueuedAt` to be a date, got an invalid one')
  checkList(args)
  const { entropy: given } = options
  if (given !== undefined && !/^[0-9]+$/.test(String(given)))
    throw new TypeError(`Expected \`entropy\` to be a whole number, got ${given}`)
  const timestamp = reading.timestamps.format(enqueuedAt)
  const fields = {
    timestamp,
    pid: String(process.pid),
    hostname: hostname(),
    tries: 0,
    arguments: args.map((argument) => coerce(argument, rules.charset)),
  }
  const fresh = (): string => {
    const entropy = given ?? nextEntropy(timestamp)
    return formatItemName({ ...fields, entropy: String(entropy) }, rules)
  }
  let name = fresh()
  return (taken) => {
    if (taken && given !== undefined)
      throw new FsqError('FSQ_DUPLICATE', `an item of that name exists: ${name}`, {
        queue: queue.name,
        id: name,
      })
    if (taken) name = fresh()
    return name
  }
}

function checkList(args: unknown): void {
  if (Array.isArray(args)) return
  throw new TypeError(`Expected a list of arguments, got ${typeof args}`)
}

/** Makes an entry under the first name that is free in the directory. */
function firstFree<T>(
  queue: QueueContext,
  directory: string,
  nextName: (taken: boolean) => string,
  make: (path: Path) => T,
): { id: string; path: Path; made: T } {
  for (let taken = false; ; taken = true) {
    const id = nextName(taken)
    const path = entryPath(directory, toByteString(id, queue.writing.charset))
    try {
      return { id, path, made: make(path) }
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    }
  }
}

/** Once the item is in, or has failed, nothing that happens to its name in tmp/ changes that. */
export function removeLeftover(path: Path): void {
  try {
    unlink(path)
  } catch {
    // Stale files in tmp/ are no items; they may be swept at any time.
  }
}

/** Makes a new entry last, or takes it back: the caller is going to be told that it failed. */
export async function syncEntry(queue: QueueContext, fd: number, path: Path): Promise<void> {
  try {
    await syncDirectory(queue.paths.queue)
  } catch (error) {
    if (isSameFile(fd, path)) removeLeftover(path)
    throw error
  }
}
