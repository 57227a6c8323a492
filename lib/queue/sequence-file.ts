import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { errnoOf, FsqError, reasonOf } from '../errors.js'
import { syncDirectory } from '../posix/directory-sync.js'
import {
  close,
  createFile,
  giveAway,
  isSameFile,
  openIfThere,
  openLockFile,
  readSmall,
  statFile,
  writeFully,
} from '../posix/files.js'
import { link, removeIfThere, replaceFile } from '../posix/names.js'
import { getNative } from '../posix/native.js'
import type { Ownership } from '../posix/owner.js'
import { sync } from '../posix/sync.js'
import { untilAborted } from '../until-aborted.js'

/*
 * A sequence file, as Filespooler has them: the next number, in decimal, and a line break. PATH.lock is
 * locked by flock(2) for as long as the number is looked at or changed. To change it:
 *
 *   1. write PATH.temp, and fsync it    the number as it was, and a PATH.temp that the next replaces
 *   2. rename it to PATH                the new number; after a power cut perhaps the old one
 *   3. fsync the directory              the new number
 *
 * Filespooler leaves out the last step, and never waits for the lock: its own commands fail where
 * somebody has it.
 */

/** The number after which a sequence goes on with 0. */
export const lastInSequence = 2n ** 64n - 1n

/** The number that comes after another. */
export function nextInSequence(number: bigint, count = 1n): bigint {
  return BigInt.asUintN(64, number + count)
}

/** How a {@link SequenceFile} is kept. */
export interface SequenceFileOptions {
  /**
   * The owner, as far as we may, and the exact mode of the files that are made.
   *
   * @defaultValue ours, and 0666 less the umask
   */
  readonly ownership?: Ownership | undefined
  /**
   * The directory in which a lock file gets them before it appears; a crash may leave an empty file there.
   *
   * @defaultValue that of the sequence file
   */
  readonly drafts?: string | undefined
  /** Whether what is written is to outlive the loss of power. @defaultValue true */
  readonly sync?: boolean | undefined
}

/** How a sequence file is locked. */
export interface SequenceLockOptions {
  /**
   * Whether the lock file is made where it is missing; otherwise that is an error with the errno `ENOENT`.
   *
   * @defaultValue true
   */
  readonly create?: boolean | undefined
  /** For so many seconds to wait for somebody else to let go of the lock; 0 to try once. @defaultValue 10 */
  readonly wait?: number | undefined
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
}

/** A file that holds the next number of a sequence, in the format of Filespooler. */
export class SequenceFile {
  /** The file; beside it are `PATH.lock` and, for a moment, `PATH.temp` and `PATH.new`. */
  readonly path: string
  readonly #options: SequenceFileOptions

  constructor(path: string, options: SequenceFileOptions = {}) {
    this.path = path
    this.#options = options
  }

  /**
   * Locks the file, against everybody else and against other calls of this process.
   *
   * @throws `FsqError` `FSQ_LOCKED` where somebody else has it, and keeps it for longer than we wait;
   * `FSQ_SEQUENCE` where it cannot be opened. The reason of the signal.
   */
  async lock({ create, wait = 10, signal }: SequenceLockOptions = {}): Promise<SequenceLock> {
    if (!(wait >= 0)) throw new TypeError(`Expected \`wait\` to be seconds, got ${String(wait)}`)
    const until = performance.now() + wait * 1000
    for (let pause = 1; ; pause = Math.min(2 * pause, longestPause)) {
      signal?.throwIfAborted()
      const fd = this.#tryLock(create)
      if (fd !== undefined) return new SequenceLock(this.path, fd, this.#options)
      if (performance.now() >= until) throw this.#locked(wait)
      // Partly by chance, or who came together would go on together.
      await untilAborted(setTimeout(pause * (0.5 + Math.random() / 2)), signal)
    }
  }

  /**
   * Takes numbers from the sequence. One that is taken and not used leaves a gap.
   *
   * @param count - how many
   * @returns the first of them; the others follow it ({@link nextInSequence}).
   * @throws `FsqError` as {@link lock}, {@link SequenceLock.read} and {@link SequenceLock.write}
   */
  async allocate(count = 1, options: SequenceLockOptions = {}): Promise<bigint> {
    if (!Number.isSafeInteger(count) || count < 1)
      throw new TypeError(`Expected to be asked for a number of numbers, got ${count}`)
    const lock = await this.lock(options)
    try {
      const first = await lock.read()
      await lock.write(nextInSequence(first, BigInt(count)))
      return first
    } finally {
      lock.close()
    }
  }

  /** The descriptor of the lock; nothing where somebody else has it. */
  #tryLock(create = true): number | undefined {
    const path = `${this.path}.lock`
    try {
      for (;;) {
        const fd = create ? this.#makeLock(path) : openLockFile(path)
        let isOurs = false
        try {
          if (!getNative().flock(fd)) return undefined
          // Unless somebody removed it, or put another in its place, in between.
          isOurs = isSameFile(fd, path)
          if (isOurs) return fd
        } finally {
          if (!isOurs) close(fd)
        }
      }
    } catch (error) {
      throw sequenceError('cannot lock the sequence file', this.path, error)
    }
  }

  #makeLock(path: string): number {
    const { ownership } = this.#options
    if (ownership === undefined) return openLockFile(path, 0o666)
    for (;;) {
      try {
        return openLockFile(path)
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error
      }
      this.#putLock(path, ownership)
    }
  }

  /** It appears with its owner and mode: if we were killed before, it would keep others out for good. */
  #putLock(path: string, ownership: Ownership): void {
    const { drafts = dirname(path) } = this.#options
    const draft = `${drafts}/lock-${process.pid}-${randomBytes(6).toString('hex')}`
    const fd = createFile(draft, ownership.mode)
    try {
      giveAway(fd, ownership)
      link(draft, path)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error // Somebody else was faster.
    } finally {
      close(fd)
      removeIfThere(draft)
    }
  }

  #locked(wait: number): FsqError {
    const patience = wait === 0 ? '' : ` for ${wait} s`
    const message = `somebody else has locked the sequence file ${this.path}${patience}`
    return new FsqError('FSQ_LOCKED', message, { path: this.path })
  }
}

/** How long one waits between two attempts at a lock, in milliseconds, at most. */
const longestPause = 20

/** A sequence file that is locked by us, until it is closed. The lock ends with the process too. */
export class SequenceLock implements Disposable {
  readonly #path: string
  readonly #fd: number
  readonly #options: SequenceFileOptions
  #isOpen = true

  /** @internal */
  constructor(path: string, fd: number, options: SequenceFileOptions) {
    this.#path = path
    this.#fd = fd
    this.#options = options
  }

  /**
   * The next number. Where there is no file yet, it is made, with 1.
   *
   * @throws `FsqError` `FSQ_SEQUENCE` where the file holds no number, or cannot be read.
   */
  async read(): Promise<bigint> {
    const number = readSequence(this.#path)
    if (number !== undefined) return number
    await this.write(1n)
    return 1n
  }

  /**
   * Makes another number the next.
   *
   * @throws `FsqError` `FSQ_SEQUENCE`: the number is as it was; or, where the last step failed, it is
   * the new one, which the loss of power may undo.
   */
  async write(next: bigint): Promise<void> {
    try {
      await this.#write(this.#temporary, next)
      await this.#commit()
    } catch (error) {
      throw sequenceError('cannot write the sequence file', this.#path, error)
    }
  }

  /**
   * Does the first half of {@link write}, to last: the number is on its way until {@link commit}, and
   * whoever locks the file next can see that ({@link staged}). What was staged before can be seen until
   * then, and is as it was where this fails: it may be all that tells of numbers that are in use.
   */
  async stage(next: bigint): Promise<void> {
    try {
      const written = `${this.#path}.new`
      await this.#write(written, next)
      replaceFile(written, this.#temporary)
      await this.#syncDirectory()
    } catch (error) {
      throw sequenceError('cannot write the sequence file', this.#path, error)
    }
  }

  /** Does the second half of {@link write}. Where it fails, the number may still be on its way. */
  async commit(): Promise<void> {
    try {
      await this.#commit()
    } catch (error) {
      throw sequenceError('cannot write the sequence file', this.#path, error)
    }
  }

  /**
   * The number that somebody was about to make the next, if it is still on its way and whole.
   *
   * @throws `FsqError` `FSQ_SEQUENCE` where it cannot be read, which does not mean that there is none.
   */
  get staged(): bigint | undefined {
    try {
      return readSequence(this.#temporary)
    } catch (error) {
      if (error instanceof FsqError && error.cause === undefined) return undefined
      throw error
    }
  }

  get #temporary(): string {
    return `${this.#path}.temp`
  }

  async #write(path: string, next: bigint): Promise<void> {
    if (next < 0n || next > lastInSequence)
      throw new TypeError(`Expected a number from 0 to 2^64-1, got ${next}`)
    if (!this.#isOpen) throw new TypeError('Expected a lock that is held, got one that was closed')
    const { ownership, sync: isSynced = true } = this.#options
    // Left by a crash; or a link that somebody put there.
    removeIfThere(path)
    const fd = createFile(path, 0o666)
    try {
      if (ownership !== undefined) giveAway(fd, ownership)
      await writeFully(fd, Buffer.from(`${next}\n`))
      if (isSynced) await sync(fd)
    } finally {
      close(fd)
    }
  }

  async #commit(): Promise<void> {
    replaceFile(this.#temporary, this.#path)
    await this.#syncDirectory()
  }

  async #syncDirectory(): Promise<void> {
    if (this.#options.sync !== false) await syncDirectory(`${dirname(this.#path)}/.`)
  }

  /** The descriptor that holds the lock: a program that inherits it keeps the lock if we are killed. */
  get fd(): number {
    return this.#fd
  }

  /** Gives the lock up, for all who inherited it. Harmless twice; never throws. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    try {
      getNative().unlock(this.#fd)
    } catch {
      // To close it is enough, unless a program inherited it. What was done under the lock is done.
    } finally {
      close(this.#fd)
    }
  }

  /** {@link close}, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }
}

/**
 * The number in a sequence file, as Filespooler reads it: what is on its first line, with any white space
 * around it. Who does not hold the lock may see a number that is about to change.
 *
 * @returns nothing where there is no such file
 * @throws `FsqError` `FSQ_SEQUENCE`
 */
export function readSequence(path: string): bigint | undefined {
  let bytes: Buffer | undefined
  try {
    const fd = openIfThere(path)
    if (fd === undefined) return undefined
    try {
      if (!statFile(fd).isFile()) throw notNumber(path, 'it is not a regular file')
      bytes = readSmall(fd)
    } finally {
      close(fd)
    }
  } catch (error) {
    throw sequenceError('cannot read the sequence file', path, error)
  }
  const [line = ''] = (bytes?.toString('latin1') ?? 'no number').split('\n', 1)
  const text = Buffer.from(line, 'latin1').toString()
  const [, digits] = /^\p{White_Space}*\+?([0-9]+)\p{White_Space}*$/u.exec(text) ?? []
  const got = JSON.stringify(text.slice(0, 40))
  if (digits === undefined) throw notNumber(path, `it holds ${got} instead of a number`)
  const number = BigInt(digits)
  if (number > lastInSequence) throw notNumber(path, `${got} is more than 2^64-1`)
  return number
}

function notNumber(path: string, why: string): FsqError {
  return new FsqError('FSQ_SEQUENCE', `cannot use the sequence file ${path}: ${why}`, { path })
}

/** What failed, with the file; what is no error of the system stays as it is. */
function sequenceError(attempt: string, path: string, cause: unknown): unknown {
  if (cause instanceof FsqError || errnoOf(cause) === undefined) return cause
  return new FsqError('FSQ_SEQUENCE', `${attempt} ${path}: ${reasonOf(cause)}`, { path, cause })
}
