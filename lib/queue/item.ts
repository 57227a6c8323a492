import { Readable } from 'node:stream'
import type { ParsedItemName } from '../name/item-name.js'
import type { QueueContext } from './context.js'
import { errnoOf, FsqError, reasonOf } from '../errors.js'
import { checkMembers } from '../members.js'
import { close, readPieces, readSmall, type FileStat } from '../posix/files.js'
import { glanceAt } from '../posix/glance.js'
import type { Path } from '../posix/path.js'
import {
  fail,
  type Finishing,
  type Limits,
  type Outcome,
  resolveLimits,
  retry,
  type RetryOptions,
  retryOptions,
  succeed,
} from './finish.js'
import { checkNotBefore } from './not-before.js'
import { LaterWake } from './wake.js'

/** How {@link Item} comes about; for claim only. */
export interface ItemParts {
  readonly context: QueueContext
  readonly id: string
  readonly path: Path
  readonly name: ParsedItemName
  readonly fd: number | undefined
  /** What fstat(2) says of the descriptor. */
  readonly stat: FileStat | undefined
  /** Whether closing the item closes the descriptor; not so for one that was inherited. */
  readonly ownsFd: boolean
  readonly limits: Limits
  /** How long it waits for its next try after so many failures, in seconds. */
  readonly backoff?: ((failures: number) => number) | undefined
  readonly onClose?: ((item: Item) => void) | undefined
}

/**
 * An item of work, locked for this process until it is finished or closed. Finish it with
 * {@link done}, {@link failTmp} or {@link failPerm}; closed without, it stays in the queue as it
 * was.
 */
export class Item implements Disposable, AsyncDisposable {
  /** The name of the item: its file's name. */
  readonly id: string
  /** The queue that it is in. */
  readonly queue: string
  /** The host, for an item of a host queue. */
  declare readonly host?: string
  /** The delimiter of the name. */
  readonly delimiter: string
  /** When it was enqueued, by its host's clock; its local time is read as that of this process. */
  readonly enqueuedAt: Date
  /** Tells apart the items that one process enqueued in the same second. */
  readonly entropy: string
  /** The process that enqueued it. */
  readonly pid: string
  /** The host on which it was enqueued. */
  readonly hostname: string
  /** How often it failed temporarily. */
  readonly tries: number
  /** The arguments with which it was enqueued. */
  readonly arguments: readonly string[]

  readonly #parts: ItemParts
  #outcome: Outcome | undefined
  #state: 'open' | 'finishing' | 'closed' = 'open'
  #closing = false
  #moving: Promise<Outcome> | undefined
  #wake: LaterWake | undefined

  /** @internal */
  constructor(parts: ItemParts) {
    const { context, id, name } = parts
    this.#parts = parts
    this.id = id
    this.queue = context.host?.queue.name ?? context.name
    if (context.host !== undefined) this.host = context.host.name
    this.delimiter = name.delimiter
    this.enqueuedAt = name.enqueuedAt
    this.entropy = name.entropy
    this.pid = name.pid
    this.hostname = name.hostname
    this.tries = name.tries
    this.arguments = name.arguments
  }

  /**
   * The descriptor that holds the lock, open for reading at its start; undefined where the item was
   * neither opened nor locked. It belongs to the item: do not close it.
   */
  get fd(): number | undefined {
    return this.#state === 'closed' ? undefined : this.#parts.fd
  }

  /**
   * The size of the body in bytes.
   *
   * @throws {@link FsqError} `FSQ_BODY`, `FSQ_NO_ITEM` for an item that is closed.
   */
  get size(): number {
    return this.stat.size
  }

  /** @internal What fstat(2) says of the file; throws as {@link size}. */
  get stat(): FileStat {
    return this.#read(glanceAt)
  }

  /**
   * The body as a stream of bytes, from its start each time. It fails with {@link FsqError}
   * `FSQ_BODY`, or `FSQ_NO_ITEM` once the item is closed.
   */
  body(): Readable {
    return Readable.from(this.#copies(), { objectMode: false })
  }

  /**
   * The whole body as bytes.
   *
   * @throws {@link FsqError} `FSQ_BODY`, `FSQ_NO_ITEM` for an item that is closed.
   */
  async bytes(): Promise<Buffer> {
    const small = this.#read(readSmall)
    if (small !== undefined) return small
    const pieces: Buffer[] = []
    for await (const piece of this.pieces()) pieces.push(Buffer.from(piece))
    return Buffer.concat(pieces)
  }

  /**
   * The whole body as text in FSQ_CHARSET.
   *
   * @throws {@link FsqError} `FSQ_COERCE` where it is no such text.
   */
  async text(): Promise<string> {
    return this.#parts.context.writing.charset.decode(await this.bytes())
  }

  /**
   * The whole body as JSON.
   *
   * @throws `SyntaxError` where it is not JSON.
   */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }

  /**
   * Finishes the item as an exit status says: FSQ_SUCCESS, FSQ_FAIL_TMP, or anything else for a
   * permanent failure.
   *
   * @param code - the exit status. @defaultValue FSQ_SUCCESS
   * @throws `TypeError` for what is no whole number, such as the status of a program that a signal ended; what
   * {@link success}, {@link failTmp} and {@link failPerm} throw.
   */
  async done(code?: number): Promise<Outcome> {
    const { success, failTmp } = this.#parts.context.settings
    if (code !== undefined && !Number.isInteger(code))
      throw new TypeError(`Expected an exit status, a whole number, got ${JSON.stringify(code)}`)
    if (code === undefined || code === success) return this.#finish(succeed)
    return code === failTmp ? this.failTmp() : this.failPerm()
  }

  /**
   * Moves the item to done/.
   *
   * @throws {@link FsqError} `FSQ_NO_ITEM` where it is no longer in the queue, `FSQ_FINISH`.
   */
  async success(): Promise<Outcome> {
    return this.#finish(succeed)
  }

  /** Moves the item to fail/, or with `FSQ_FAIL_TMP` as the code, as {@link failTmp} does. */
  async fail(code?: number): Promise<Outcome> {
    return code === this.#parts.context.settings.failTmp ? this.failTmp() : this.failPerm()
  }

  /**
   * Leaves the item in the queue with one more try spent; where tries or time to live are used up,
   * moves it to fail/ and says why in the outcome.
   *
   * @param options - other limits than those of the scan; the earliest time of the next try
   */
  async failTmp(options: RetryOptions = {}): Promise<Outcome> {
    checkMembers('an option of failTmp', options, retryOptions)
    const notBefore = options.notBefore ?? this.#nextTime()
    checkNotBefore(notBefore)
    const limits = resolveLimits(options, this.#parts.limits)
    return this.#finish(async (finishing) => retry({ ...finishing, limits, notBefore }))
  }

  #nextTime(): Date | undefined {
    const { context, backoff } = this.#parts
    const seconds = backoff?.(this.tries + 1)
    return seconds === undefined ? undefined : new Date(context.clock.now() + seconds * 1000)
  }

  /** @internal Resolves once no move of the item is under way. */
  async settled(): Promise<void> {
    await this.#moving?.catch(() => undefined)
  }

  /** What became of the item; undefined while it is not finished. */
  get outcome(): Outcome | undefined {
    return this.#outcome
  }

  /** The same as {@link failTmp}. */
  async retry(options: RetryOptions = {}): Promise<Outcome> {
    return this.failTmp(options)
  }

  /**
   * Moves the item to fail/.
   *
   * @throws {@link FsqError} `FSQ_NO_ITEM` where it is no longer in the queue, `FSQ_FINISH`.
   */
  async failPerm(): Promise<Outcome> {
    return this.#finish(fail)
  }

  /**
   * Gives up the lock; while the item is being finished, as soon as that has ended. An item that was
   * not finished stays in the queue. Harmless twice.
   */
  close(): void {
    if (this.#state === 'closed') return
    if (this.#state === 'finishing') {
      this.#closing = true
      return
    }
    this.#state = 'closed'
    const { fd, ownsFd, onClose } = this.#parts
    if (fd !== undefined && ownsFd) close(fd)
    this.#wake?.[Symbol.dispose]()
    onClose?.(this)
  }

  /** @internal Wakes who watches the queue, once the lock is given up: others need not wait for their sweep. */
  wakeOthers(): void {
    const { fd } = this
    if (fd === undefined) return
    this.#wake ??= new LaterWake(fd)
    this.#wake.ask()
  }

  /** {@link close}, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  /** @internal The queue that the item is in, for reenqueue. */
  get context(): QueueContext {
    return this.#parts.context
  }

  /** An item is finished once. Where it could not be moved it is still locked, for another attempt. */
  async #finish(move: (item: Finishing) => Promise<Outcome>): Promise<Outcome> {
    if (this.#state !== 'open') throw this.#gone('it was finished or closed before')
    this.#state = 'finishing'
    const { context, id, path, name, fd, stat, limits } = this.#parts
    try {
      this.#moving = move({ queue: context, id, path, name, fd, stat, limits })
      const outcome = await this.#moving
      if (outcome.state === 'queue') this.wakeOthers()
      this.#outcome = outcome
      this.#closing = true
      return outcome
    } finally {
      this.#state = 'open'
      if (this.#closing) this.close()
    }
  }

  /**
   * @internal The body in pieces, each good until the next. Once the item is closed its descriptor
   * may be another file's, whose bytes must not pass for the item's.
   */
  async *pieces(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of readPieces(this.#openFd(), 0)) {
        this.#openFd()
        yield piece
      }
    } catch (error) {
      throw this.#unreadable(error)
    }
    this.#openFd()
  }

  /** The pieces share one buffer, and a stream keeps several. */
  async *#copies(): AsyncGenerator<Uint8Array> {
    for await (const piece of this.pieces()) yield Buffer.from(piece)
  }

  #read<T>(read: (fd: number) => T): T {
    const fd = this.#openFd()
    try {
      return read(fd)
    } catch (error) {
      throw this.#unreadable(error)
    }
  }

  /** The error for a body that the system cannot read; any other error is itself. */
  #unreadable(cause: unknown): unknown {
    if (cause instanceof FsqError || errnoOf(cause) === undefined) return cause
    const { id } = this
    const queue = this.context.name
    const message = `cannot read the body of item ${id} of ${queue}: ${reasonOf(cause)}`
    return new FsqError('FSQ_BODY', message, { id, queue, cause })
  }

  #openFd(): number {
    const { fd } = this
    if (fd === undefined) throw this.#gone('it is closed, or was scanned without opening it')
    return fd
  }

  #gone(why: string): FsqError {
    const { id } = this
    const queue = this.context.name
    return new FsqError('FSQ_NO_ITEM', `cannot use item ${id} of ${queue}: ${why}`, { id, queue })
  }
}
