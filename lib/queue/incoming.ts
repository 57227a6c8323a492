import { randomBytes, randomInt } from 'node:crypto'
import { errnoOf, FsqError, reasonOf } from '../errors.js'
import { fromByteString, toByteString } from '../name/charset.js'
import { syncDirectory } from '../posix/directory-sync.js'
import {
  close,
  createFile,
  openEntry,
  openIfThere,
  openLockFile,
  readPieces,
  readSmall,
  setOwnership,
  setTimes,
  writeFully,
} from '../posix/files.js'
import { glanceAtName } from '../posix/glance.js'
import { type FileState, inodeOf, stateOf, stateOfOpen } from '../posix/inode.js'
import { isDirectory, listNames, removeIfThere, replaceFile } from '../posix/names.js'
import { getNative } from '../posix/native.js'
import { entryPath, type Path } from '../posix/path.js'
import { sync } from '../posix/sync.js'
import { type Body, releaseBody, writeBody } from './body.js'
import type { QueueContext } from './context.js'
import { failure } from './failure.js'
import { GroupSync } from './group-sync.js'
import { linkedDirectory, stagedDirectory, withdrawnDirectory } from './incoming-paths.js'
import { itemOwnership } from './ownership.js'
import { publishUnder } from './reenqueue.js'
import { makeSideDirectory } from './side-directory.js'

/*
 * Items that are on their way into a queue from elsewhere, by a way that asks first: the bytes are here,
 * to last, before somebody else is told so, and the item appears in queue/ only after that.
 *
 *   1. write .incoming/staged/NAME, and sync it    a staged file, perhaps not whole
 *   2. whatever the caller has to agree on         a staged file that is whole
 *   3. link it to queue/NAME, and sync queue/      the item, and a second name of it in staged/
 *   4. unlink it in staged/, or rename it to       the item; in linked/ as long as the caller keeps it,
 *      .incoming/linked/NAME                       through its retries and after it was finished
 *
 * What was taken out of queue/ again is in .incoming/withdrawn.
 *
 * What is left in staged/ after a crash tells by its link count whether 3 was done. It is not in tmp/,
 * which repair and others clean: somebody was told that it is here.
 *
 * `.incoming/receiver` is locked by whoever receives, so that there is one at a time, and holds a random
 * text by which a queue is told from all others, wherever it is moved to.
 */

/** How an item is staged. */
export interface StageOptions {
  /** Do not work on it before this time. @defaultValue at once */
  readonly notBefore?: Date | undefined
  /**
   * Whether its name in staged/ is to last, too: somebody is told that it is there. Otherwise it lasts by its name in
   * queue/, when it is there.
   *
   * @defaultValue true
   */
  readonly isTold?: boolean | undefined
  /** Gives up; nothing is left of the item then. */
  readonly signal?: AbortSignal | undefined
}

/** The identity of a queue into which items are received, or nothing where none ever was. */
export function receiverIdentity(queue: QueueContext): string | undefined {
  const file = receiverFile(queue)
  if (glanceAtName(file) === undefined) return undefined // An open that fails costs much more.
  const fd = openIfThere(file)
  if (fd === undefined) return undefined
  try {
    const text = readSmall(fd)?.toString('latin1').trim() ?? ''
    return /^[0-9a-f]{20}$/.test(text) ? text : undefined
  } finally {
    close(fd)
  }
}

function receiverFile({ paths }: QueueContext): string {
  return `${paths.incoming}/receiver`
}

/** The items that are on their way into a queue; ours as long as it is open. */
export class Incoming implements Disposable {
  /** Tells the queue from all others that receive. */
  readonly identity: string
  readonly #queue: QueueContext
  readonly #lock: number
  readonly #sync: GroupSync
  /** The names in the three directories, which are changed by nobody but whoever has the lock. */
  readonly #names: Set<string>
  /** How many are being staged. */
  #staging = 0

  private constructor(queue: QueueContext, lock: number, identity: string) {
    this.#queue = queue
    this.#lock = lock
    this.identity = identity
    this.#names = new Set(namesOnTheirWay(queue))
    this.#sync = new GroupSync(queue, stagedDirectory(queue.paths))
  }

  /**
   * Opens what is on its way into a queue, and keeps others from it.
   *
   * @throws {@link FsqError} `FSQ_LOCKED` where somebody else receives into the queue; `FSQ_ENQUEUE`,
   * `FSQ_NO_QUEUE`.
   */
  static async open(queue: QueueContext): Promise<Incoming> {
    try {
      makeSideDirectory(queue, queue.paths.incoming)
      makeSideDirectory(queue, stagedDirectory(queue.paths))
      makeSideDirectory(queue, linkedDirectory(queue.paths))
      makeSideDirectory(queue, withdrawnDirectory(queue.paths))
      const fd = lockReceiver(queue)
      try {
        const identity = receiverIdentity(queue) ?? (await newIdentity(queue, fd))
        return new Incoming(queue, fd, identity)
      } catch (error) {
        close(fd)
        throw error
      }
    } catch (error) {
      throw failure('FSQ_ENQUEUE', `cannot receive into ${queue.name}`, error, queue)
    }
  }

  /** The names of all items that are on their way, and of those that are in queue/ and kept. */
  list(): readonly string[] {
    const names = namesOnTheirWay(this.#queue)
    for (const name of names) this.#names.add(name)
    return names
  }

  /** What there is of an item. */
  find(id: string): Arriving | undefined {
    if (!this.#names.has(id)) return undefined
    const arriving = this.#arriving(id)
    if (arriving.state !== 'gone') return arriving
    this.#names.delete(id)
    return undefined
  }

  /**
   * Writes an item, to last; what was staged under its name is replaced.
   *
   * @throws {@link FsqError} `FSQ_ENQUEUE`, `FSQ_NO_QUEUE`, `FSQ_BODY`; the reason of the signal. Nothing
   * is left of it then.
   */
  async stage(id: string, body: Body, options: StageOptions = {}): Promise<Arriving> {
    const { settings, writing } = this.#queue
    this.#staging++
    const arriving = this.#arriving(id)
    try {
      if (this.#names.has(id)) this.#arriving(id).discard()
      const ownership = itemOwnership(settings, {})
      const fd = createFile(arriving.staged, ownership.mode)
      this.#names.add(id)
      try {
        setOwnership(fd, ownership)
        await writeBody(fd, body, writing.charset, options.signal)
        // So that its stamp is another, as good as always, also where it gets the inode of the one before.
        if (options.notBefore !== undefined) setTimes(fd, options.notBefore, randomInt(1, 499))
        await this.#makeLast(fd, options.isTold !== false)
        arriving.stagedAs(stampOf(stateOfOpen(fd))) // Some file systems settle the time only by then.
        options.signal?.throwIfAborted()
      } finally {
        close(fd)
      }
      return arriving
    } catch (error) {
      try {
        arriving.discard()
      } catch {
        // Whoever stages it again discards it first.
      }
      const attempt = `cannot receive item ${id} into ${this.#queue.name}`
      throw failure('FSQ_ENQUEUE', attempt, error, this.#queue, { id })
    } finally {
      this.#staging--
      if (typeof body === 'object') releaseBody(body)
    }
  }

  /**
   * Makes what is staged last, its name included: who staged it may have been killed before that was through.
   *
   * @throws {@link FsqError} `FSQ_ENQUEUE`, `FSQ_NO_QUEUE`
   */
  async resume(arriving: Arriving): Promise<void> {
    const { id } = arriving
    try {
      const fd = openEntry(arriving.staged)
      try {
        await this.#makeLast(fd, true)
      } finally {
        close(fd)
      }
    } catch (error) {
      const attempt = `cannot receive item ${id} into ${this.#queue.name}`
      throw failure('FSQ_ENQUEUE', attempt, error, this.#queue, { id })
    }
  }

  /** Those that come together share the work with the sync of the directory, which one alone can do without. */
  async #makeLast(fd: number, isTold: boolean): Promise<void> {
    if (isTold || this.#staging > 1) await this.#sync.sync(fd)
    else if (this.#queue.settings.durability !== 'none') await sync(fd)
  }

  #arriving(id: string): Arriving {
    return new Arriving(this.#queue, id, () => this.#names.delete(id))
  }

  /** Lets others receive. */
  [Symbol.dispose](): void {
    this.#sync[Symbol.dispose]()
    close(this.#lock)
  }
}

/** An item on its way into a queue. */
export class Arriving {
  /** Its name. */
  readonly id: string
  /** Where it is staged. @internal */
  readonly staged: Path
  readonly #linked: Path
  readonly #withdrawn: Path
  readonly #ready: Path
  readonly #queue: QueueContext
  readonly #onDiscard: () => void
  /** Its stamp, while it is known to be staged, and nowhere else, since we have done that ourselves. */
  #stamp: string | undefined

  /** @internal */
  constructor(queue: QueueContext, id: string, onDiscard: () => void) {
    const entry = toByteString(id, queue.writing.charset)
    this.id = id
    this.staged = entryPath(stagedDirectory(queue.paths), entry)
    this.#linked = entryPath(linkedDirectory(queue.paths), entry)
    this.#withdrawn = entryPath(withdrawnDirectory(queue.paths), entry)
    this.#ready = entryPath(queue.paths.queue, entry)
    this.#queue = queue
    this.#onDiscard = onDiscard
  }

  /** It was staged just now. @internal */
  stagedAs(stamp: string): void {
    this.#stamp = stamp
  }

  /**
   * How far it has come: `staged`; `linked` into queue/, where it may be finished since then; `withdrawn` from
   * there.
   */
  get state(): 'staged' | 'linked' | 'withdrawn' | 'gone' {
    if (inodeOf(this.#linked) !== undefined) return 'linked'
    const withdrawn = inodeOf(this.#withdrawn)
    if (withdrawn !== undefined) return withdrawn.links > 1 ? 'linked' : 'withdrawn'
    const staged = inodeOf(this.staged)
    if (staged === undefined) return 'gone'
    return staged.links > 1 ? 'linked' : 'staged'
  }

  /** Tells the file that is staged from any that was, or will be, under the name; for {@link state} staged. */
  get stamp(): string {
    if (this.#stamp !== undefined) return this.#stamp
    const file = stateOf(this.staged)
    return file === undefined ? '' : stampOf(file)
  }

  /** What is staged, in pieces, each good until the next. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    const fd = openIfThere(this.staged)
    if (fd === undefined) return
    try {
      yield* readPieces(fd)
    } finally {
      close(fd)
    }
  }

  /** When it was staged, in milliseconds of the epoch, or the time that it waits for; also once withdrawn. */
  get time(): number {
    return Number((stateOf(this.#source)?.mtime ?? 0n) / 1_000_000n)
  }

  /**
   * Puts it into queue/, to last.
   *
   * @returns false where the queue had it already.
   * @throws {@link FsqError} `FSQ_ENQUEUE`, `FSQ_NO_QUEUE`. Where the sync failed it may be there, and a
   * second call completes it.
   */
  async publish(): Promise<boolean> {
    const { id } = this
    try {
      return await publishUnder(this.#queue, this.#source, this.#ready)
    } catch (error) {
      const attempt = `cannot receive item ${id} into ${this.#queue.name}`
      throw failure('FSQ_ENQUEUE', attempt, error, this.#queue, { id })
    }
  }

  /** Remembers that it is in queue/, until it is discarded. */
  keep(): void {
    const source = this.#source
    this.#stamp = undefined
    try {
      replaceFile(source, this.#linked)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error // It was kept before.
    }
  }

  /**
   * Takes it out of queue/ again, unless somebody works on it, or it is not there under its first name.
   *
   * @returns whether it was taken out.
   */
  withdraw(): boolean {
    this.#stamp = undefined
    const fd = openIfThere(this.#ready)
    if (fd === undefined) return false
    try {
      if (!getNative().flock(fd)) return false
      const item = inodeOf(this.#ready)?.key
      // It may have been linked, and not have been kept yet.
      const names = [this.#linked, this.staged, this.#withdrawn]
      const ours = names.find((name) => inodeOf(name)?.key === item)
      if (item === undefined || ours === undefined) return false
      // In this order: cut in between it is linked, and known to be.
      replaceFile(ours, this.#withdrawn)
      removeIfThere(this.#ready)
      return true
    } finally {
      close(fd)
    }
  }

  /** What is linked into queue/. */
  get #source(): Path {
    if (this.#stamp !== undefined) return this.staged
    return inodeOf(this.#withdrawn) === undefined ? this.staged : this.#withdrawn
  }

  /** Removes what is staged or remembered of it. The item itself, in queue/, stays. */
  discard(): void {
    if (this.#stamp !== undefined) removeIfThere(this.staged)
    else {
      for (const path of [this.staged, this.#withdrawn, this.#linked])
        if (inodeOf(path) !== undefined) removeIfThere(path)
    }
    this.#onDiscard()
  }
}

function stampOf({ inode, mtime }: FileState): string {
  return `${inode}:${mtime}`
}

function namesOnTheirWay(queue: QueueContext): readonly string[] {
  const { charset } = queue.reading
  const names = (directory: string): string[] =>
    listNames(directory).map((entry) => fromByteString(entry, charset))
  const directories = [stagedDirectory, withdrawnDirectory, linkedDirectory]
  return [...new Set(directories.flatMap((of) => names(of(queue.paths))))]
}

function lockReceiver(queue: QueueContext): number {
  const path = receiverFile(queue)
  const fd = openLockFile(path, 0o600)
  try {
    if (getNative().flock(fd)) return fd
  } catch (error) {
    close(fd)
    throw error
  }
  close(fd)
  const message = `somebody else receives into ${queue.name}: ${path} is locked`
  throw new FsqError('FSQ_LOCKED', message, { queue: queue.name, path })
}

async function newIdentity({ paths }: QueueContext, fd: number): Promise<string> {
  const identity = randomBytes(10).toString('hex')
  await writeFully(fd, Buffer.from(`${identity}\n`))
  await sync(fd)
  await syncDirectory(paths.incoming)
  await syncDirectory(`${paths.directory}/.`)
  return identity
}

/** Whether somebody receives into a queue now. */
export function isReceivedInto(queue: QueueContext): boolean {
  if (!isDirectory(queue.paths.incoming)) return false
  try {
    close(lockReceiver(queue))
    return false
  } catch (error) {
    if (error instanceof FsqError && error.code === 'FSQ_LOCKED') return true
    throw new FsqError('FSQ_SCAN', `cannot look into ${queue.paths.incoming}: ${reasonOf(error)}`, {
      queue: queue.name,
      path: queue.paths.incoming,
      cause: error,
    })
  }
}
