import { hostname } from 'node:os'
import { errnoOf, FsqError } from '../errors.js'
import { toByteString } from '../name/charset.js'
import { type Argument, coerce } from '../name/encode.js'
import { formatItemName } from '../name/item-name.js'
import { nameRules } from '../name/options.js'
import {
  close,
  createFile,
  type FileStat,
  isSameFile,
  setOwnership,
  setTimes,
} from '../posix/files.js'
import { glanceAt } from '../posix/glance.js'
import { link, unlink } from '../posix/names.js'
import { entryPath, type Path } from '../posix/path.js'
import { sync } from '../posix/sync.js'
import { type Body, writeBody } from './body.js'
import type { QueueContext } from './context.js'
import { nextEntropy } from './entropy.js'
import { missingQueue } from './failure.js'
import { checkKey } from './key.js'
import { checkNotBefore } from './not-before.js'
import { itemOwnership, type OwnerOptions } from './ownership.js'
import { checkedSequence, sequenceEntropy } from './sequence.js'

/** How an item is enqueued. */
export interface EnqueueOptions extends OwnerOptions {
  /**
   * The entropy of the name; an item that has it already is then an error.
   *
   * @defaultValue counted up until the name is free
   */
  readonly entropy?: number | string | undefined
  /**
   * Give it the next number of the queue's sequence, for a scan or a worker that is `ordered`. The number
   * takes the place of the entropy. It is given when all else is done, so that the order is that in which
   * items become visible, and an enqueue that fails, or is killed, leaves no gap. Whoever enqueues in order
   * waits for the others who do, up to 10 seconds each.
   *
   * @defaultValue false
   */
  readonly ordered?: boolean | undefined
  /**
   * Its number in a sequence that is kept elsewhere, as by a sender on another machine, from 0 to 2^64-1.
   * An item of the very same name is then an error; two items with one number are only found by who works on
   * them.
   *
   * @defaultValue none
   */
  readonly sequence?: bigint | number | string | undefined
  /** The time in the name, from which its age counts. @defaultValue now */
  readonly enqueuedAt?: Date | undefined
  /**
   * Do not work on it before this time: it becomes the mtime of the item. The Python fsq does not wait.
   *
   * @defaultValue at once
   */
  readonly notBefore?: Date | undefined
  /** @internal The same in seconds from when the body is there, of which nobody knows how long it takes to come. */
  readonly delay?: number | undefined
  /** The delimiter of the name; one ASCII character. @defaultValue FSQ_DELIMITER */
  readonly delimiter?: string | undefined
  /**
   * The key of the item, any text of up to 4096 bytes in UTF-8: while an item that was enqueued with
   * the same one is in the queue, in done/ or in fail/, no other is enqueued, by any process.
   * `onDuplicate` says what happens instead.
   *
   * @defaultValue none
   */
  readonly id?: string | undefined
  /**
   * What to do where an item has the key already:
   *
   * - `ignore`: nothing; the name that it was enqueued under is returned (a retry changes the tries in
   *   it). The body is not read.
   * - `error`: throw `FSQ_ID_TAKEN`, with that name as the `id` of the error.
   * - `replace`: enqueue this one, then remove the other if it waits and nobody works on it. One that is
   *   worked on, or is finished, stays, and this one gets the key. Killed between the two, both wait.
   *
   * @defaultValue `ignore`
   */
  readonly onDuplicate?: 'ignore' | 'error' | 'replace' | undefined
  /** Gives up; nothing is left of the item then. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Looks whether the options mean something.
 *
 * @throws `TypeError`
 */
export function checkKeyOptions({ id, onDuplicate }: EnqueueOptions): void {
  if (id !== undefined) checkKey(id)
  if (onDuplicate !== undefined && !['ignore', 'error', 'replace'].includes(onDuplicate))
    throw new TypeError(
      `Expected \`onDuplicate\` to be ignore, error or replace, got ${JSON.stringify(onDuplicate)}`,
    )
}

/**
 * Looks whether the place of the item in a sequence is said once.
 *
 * @throws `TypeError`
 */
export function checkOrderOptions({ entropy, ordered, sequence }: EnqueueOptions): void {
  if (sequence !== undefined) checkedSequence(sequence)
  if (ordered !== undefined && typeof ordered !== 'boolean')
    throw new TypeError(`Expected \`ordered\` to be true or false, got ${String(ordered)}`)
  if (
    [entropy, sequence, ordered === true || undefined].filter((it) => it !== undefined).length > 1
  )
    throw new TypeError('Expected one of `entropy`, `ordered` and `sequence`')
}

/** Their names. */
export const enqueueOptions: ReadonlySet<string> = new Set<keyof EnqueueOptions>([
  'user',
  'group',
  'mode',
  'entropy',
  'ordered',
  'sequence',
  'enqueuedAt',
  'notBefore',
  'delay',
  'delimiter',
  'id',
  'onDuplicate',
  'signal',
])

/**
 * An item under construction: a file in tmp/, open for writing, that nobody looks at. Enqueueing one
 * item and enqueueing many are told in terms of it.
 */
export class Draft {
  readonly #queue: QueueContext
  readonly #nextName: NameSource
  readonly #numberedName: (number: bigint) => NameSource
  /** Its name in tmp/, a byte string. */
  readonly name: string
  readonly #tmp: Path
  readonly #fd: number
  /** What fstat(2) said of the file before it was closed. */
  #stat: FileStat | undefined
  #id: string | undefined

  private constructor(
    queue: QueueContext,
    nextName: NameSource,
    numberedName: (number: bigint) => NameSource,
    name: string,
    fd: number,
  ) {
    this.#queue = queue
    this.#nextName = nextName
    this.#numberedName = numberedName
    this.name = name
    this.#tmp = entryPath(queue.paths.tmp, name)
    this.#fd = fd
  }

  /** Makes the file in tmp/ and writes the body into it. Nothing is left of it where that fails. */
  static async write(
    queue: QueueContext,
    body: Body,
    args: readonly Argument[],
    options: EnqueueOptions,
  ): Promise<Draft> {
    const { notBefore, delay, signal } = options
    checkNotBefore(notBefore)
    const ownership = itemOwnership(queue.settings, options)
    const numberedName = (number: bigint): NameSource =>
      nameSource(queue, args, { ...options, entropy: sequenceEntropy(number) })
    const { sequence, ordered } = options
    if (ordered === true) numberedName(0n)(false) // Too long a name is to be found now.
    const nextName =
      sequence === undefined
        ? nameSource(queue, args, options)
        : numberedName(checkedSequence(sequence))
    const { id, made } = firstFree(queue, queue.paths.tmp, nextName, (candidate) =>
      createFile(candidate, ownership.mode),
    )
    const name = toByteString(id, queue.writing.charset)
    const draft = new Draft(queue, nextName, numberedName, name, made)
    try {
      setOwnership(made, ownership)
      await writeBody(made, body, queue.writing.charset, signal)
      const now = queue.clock.now()
      const time = delay === undefined ? notBefore : new Date(now + delay * 1000)
      if (time !== undefined && time.getTime() > now) setTimes(made, time)
      return draft
    } catch (error) {
      draft.discard()
      throw error
    }
  }

  /** fsync(2) of the file. A failure is final: the item cannot be enqueued. */
  async sync(): Promise<void> {
    await sync(this.#fd)
  }

  /** Closes the file, which is written and synced: a batch does not hold all of its files open. */
  close(): void {
    if (this.#stat !== undefined) return
    this.#stat = glanceAt(this.#fd)
    close(this.#fd)
  }

  /** Links the file into queue/, with that number in the sequence if one is given; its name there. */
  link(number?: bigint): string {
    const nextName = number === undefined ? this.#nextName : this.#numberedName(number)
    const { id } = firstFree(this.#queue, this.#queue.paths.queue, nextName, (path) => {
      this.linkAs(path)
    })
    this.#id = id
    return id
  }

  /**
   * Takes the name in queue/ back, if there is one and no worker has moved the item on already. The
   * error for which that is done is the one that counts.
   *
   * @param directory - queue/, or the path under which it is held open
   */
  unlink(directory: string): void {
    if (this.#id === undefined) return
    const path = entryPath(directory, toByteString(this.#id, this.#queue.writing.charset))
    try {
      const stat = this.#stat ?? glanceAt(this.#fd)
      if (isSameFile(this.#fd, path, stat)) removeLeftover(path)
    } catch {
      // Where it cannot be looked at it cannot be removed either.
    }
  }

  /** Closes the file and removes its name in tmp/. */
  discard(): void {
    if (this.#stat === undefined) close(this.#fd)
    removeLeftover(this.#tmp)
  }

  /** Gives the file one more name. */
  linkAs(path: Path): void {
    try {
      link(this.#tmp, path)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || missingQueue(this.#queue, error) !== undefined) throw error
      const { name } = this.#queue
      throw new FsqError(
        'FSQ_ENQUEUE',
        `cannot enqueue to ${name}: its file in tmp/ was removed meanwhile (by repair --older?)`,
        { queue: name, cause: error },
      )
    }
  }
}

/** Gives the name to try; called with `true` after one was taken, the next. */
type NameSource = (taken: boolean) => string

export function nameSource(
  queue: QueueContext,
  args: readonly Argument[],
  options: EnqueueOptions,
): NameSource {
  const { settings, writing, reading } = queue
  const { delimiter } = options
  const rules = delimiter === undefined ? writing : nameRules({ ...settings, delimiter })
  const enqueuedAt = options.enqueuedAt ?? new Date(queue.clock.now())
  if (options.enqueuedAt !== undefined) checkYear(enqueuedAt)
  checkList(args)
  const { entropy: given } = options
  if (given !== undefined && !/^[0-9]+$/.test(String(given)))
    throw new TypeError(`Expected \`entropy\` to be a whole number, got ${given}`)
  const timestamp = reading.timestamps.format(enqueuedAt)
  const texts = args.map((argument) => coerce(argument, rules.charset))
  const fresh = (): string => {
    const fields = {
      timestamp,
      entropy: String(given ?? nextEntropy(timestamp)),
      pid: String(process.pid),
      hostname: hostnameAt(timestamp),
      tries: 0,
      arguments: texts,
    }
    return formatItemName(fields, rules)
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

let lastHostname = { timestamp: '', name: '' }

/** Looked up once for a timestamp, which is once a second: a name may change while a process runs. */
function hostnameAt(timestamp: string): string {
  if (lastHostname.timestamp !== timestamp) lastHostname = { timestamp, name: hostname() }
  return lastHostname.name
}

/** A name has room for four digits; one with other digits would be read as another year. */
function checkYear(enqueuedAt: Date): void {
  const year = enqueuedAt.getFullYear()
  if (year >= 1000 && year <= 9999) return // NaN, that of an invalid date, is neither.
  throw new TypeError(`Expected \`enqueuedAt\` to be a date of the years 1000 to 9999, got ${year}`)
}

function checkList(args: unknown): void {
  if (Array.isArray(args)) return
  throw new TypeError(`Expected a list of arguments, got ${typeof args}`)
}

/** Makes an entry under the first name that is free in the directory. */
function firstFree<T>(
  queue: QueueContext,
  directory: string,
  nextName: NameSource,
  make: (path: Path) => T,
): { id: string; made: T } {
  for (let taken = false; ; taken = true) {
    const id = nextName(taken)
    const path = entryPath(directory, toByteString(id, queue.writing.charset))
    try {
      return { id, made: make(path) }
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
