import { FsqError } from '../errors.js'
import { toByteString } from '../name/charset.js'
import { inodeOf } from '../posix/inode.js'
import { statEntry, walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import { turn } from '../turn.js'
import type { ClaimOptions } from './claim.js'
import type { QueueContext } from './context.js'
import { failure } from './failure.js'
import type { Item } from './item.js'
import { listEntries } from './list-entries.js'
import { printableName } from './printable.js'
import type { ScanEvent } from './scan-events.js'
import { aheadOf, isPast, sequenceOf, workersSequence } from './sequence.js'
import { nextInSequence, type SequenceLock } from './sequence-file.js'
import { takeEntry } from './take.js'

/*
 * The items of a queue in the order of their numbers, for one at a time who works on them. `nextseq` is locked
 * meanwhile, and holds the number N of the next item:
 *
 *   1. find item N in queue/, and claim it       nothing has happened
 *   2. work on it; finish it                     item N in queue/; or in done/ or fail/, and N is still next
 *   3. write N+1 to nextseq                      the same; or N+1 is next
 *
 * If N is not in queue/, but in done/ or fail/, it was finished before 3: it is not run again, and 3 is done
 * now. If it is nowhere and items behind it are there, they wait. An item that fails temporarily stays next.
 *
 * What is not next is not touched, and so what runs on although its worker was killed, with the lock of its
 * item, keeps the items behind it waiting, too.
 */

/** How items are taken in order. */
export interface InOrderOptions {
  /** For so many seconds to wait for an item that does not come; undefined: for ever. */
  readonly gapTimeout?: number | undefined
  readonly onEvent?: ((event: ScanEvent) => void) | undefined
}

/** @throws `TypeError` */
export function checkGapTimeout(gapTimeout: number | undefined, isOrdered: boolean): void {
  if (gapTimeout === undefined) return
  if (!isOrdered) throw new TypeError('Expected `ordered` beside `gapTimeout`')
  if (typeof gapTimeout === 'number' && gapTimeout >= 0) return
  throw new TypeError(`Expected \`gapTimeout\` to be seconds, got ${String(gapTimeout)}`)
}

/** Times of files are no more exact than this, in milliseconds, wherever they are. */
const moment = 2000

/** See above. */
export class InOrder {
  readonly #queue: QueueContext
  readonly #options: InOrderOptions
  readonly #lock: SequenceLock
  #next: bigint
  /** The number that is in `nextseq`. */
  #written: bigint
  /** The entries of queue/ by their numbers, those that are past left out. */
  #entries = new Map<bigint, string[]>()
  #isListed = false
  /** Whether items were finished since: others may have come meanwhile. */
  #hasMoved = false
  /** What was told of once need not be told again. */
  readonly #told = new Set<string>()
  /** The item that is worked on. */
  #item: Item | undefined
  #advancing: Promise<void> | undefined
  /** What was last seen of done/ and fail/, in which item N was not. */
  #searched = ''
  /** When there may be something to take, in milliseconds of the epoch, if that is known. */
  nextTime: number | undefined

  private constructor(
    queue: QueueContext,
    options: InOrderOptions,
    lock: SequenceLock,
    next: bigint,
  ) {
    this.#queue = queue
    this.#options = options
    this.#lock = lock
    this.#next = next
    this.#written = next
  }

  /**
   * Locks the sequence of a queue.
   *
   * @throws {@link FsqError} `FSQ_LOCKED` where somebody else works on the queue in order; `FSQ_SEQUENCE`,
   * `FSQ_NO_QUEUE`
   */
  static async open(queue: QueueContext, options: InOrderOptions = {}): Promise<InOrder> {
    let lock: SequenceLock | undefined
    try {
      lock = await workersSequence(queue).lock({ wait: 0 })
      return new InOrder(queue, options, lock, await lock.read())
    } catch (error) {
      lock?.close()
      throw explained(queue, error)
    }
  }

  /** Whether an item is worked on. */
  get isBusy(): boolean {
    return this.#item !== undefined
  }

  /** That entry is in queue/. */
  tell(entry: string): void {
    if (this.#isListed && this.#isThere(entry)) this.#add(entry)
  }

  /** Any entry may be in queue/. */
  listAgain(): void {
    this.#isListed = false
  }

  /**
   * The next item, if it is there, and if nobody works on it.
   *
   * @throws {@link FsqError} `FSQ_SEQUENCE` where two items have its number, or the number behind it could not
   * be written; what keeps the queue from being listed, or any item from being claimed.
   */
  async take(claim: ClaimOptions): Promise<Item | undefined> {
    this.nextTime = undefined
    for (; ; await turn()) {
      await this.#settle()
      if (this.#item !== undefined) return undefined
      const entry = this.#nextEntry()
      if (entry === undefined) {
        if (await this.#passGap()) continue
        return undefined
      }
      const number = this.#next
      const options = { ...claim, onClose: this.#over(claim.onClose) }
      const taken = await takeEntry(this.#queue, entry, options, this.#options.onEvent)
      if ('item' in taken) return (this.#item = taken.item)
      if (taken.skipped === 'early') this.nextTime = taken.notBefore
      if (taken.skipped === 'early' || taken.skipped === 'locked') return undefined
      this.#isListed = false // Others have moved it, or it is in fail/ now.
      if (taken.skipped === 'gone') this.#entries.delete(number)
      if (this.#next !== number) continue // It is in fail/, since its time or its tries are over.
      if (taken.skipped === 'reported' && !(await this.#passFinished())) return undefined
    }
  }

  /** Gives up the sequence, once what was finished is noted. */
  async close(): Promise<void> {
    try {
      await this.#settle()
    } finally {
      this.#lock.close()
    }
  }

  /** The entry of item N. */
  #nextEntry(): string | undefined {
    if (!this.#entries.has(this.#next)) this.#list(this.#hasMoved)
    const entries = this.#entries.get(this.#next) ?? []
    if (entries.length < 2 || this.#isOneFile(entries)) return entries.at(-1)
    this.#list(true) // One of them may be gone.
    const still = this.#entries.get(this.#next) ?? []
    if (still.length < 2 || this.#isOneFile(still)) return still.at(-1)
    const { name } = this.#queue
    const ids = still.map((entry) => this.#id(entry)).join(' and ')
    this.#isListed = false
    throw new FsqError(
      'FSQ_SEQUENCE',
      `cannot go on with ${name}: ${this.#next} is next, and two items have that number: ${ids}`,
      { queue: name },
    )
  }

  /** A retry that was cut leaves one file with two names; the second has the tries. */
  #isOneFile(entries: readonly string[]): boolean {
    const { queue } = this.#queue.paths
    const keys = entries.map((entry) => inodeOf(entryPath(queue, entry))?.key)
    return keys.every((key) => key !== undefined && key === keys[0])
  }

  #list(again: boolean): void {
    if (this.#isListed && !again) return
    this.#isListed = true
    this.#hasMoved = false
    this.#entries = new Map()
    for (const entry of listEntries(this.#queue, this.#queue.paths.queue)) this.#add(entry)
  }

  #add(entry: string): void {
    const number = sequenceOf(entry)
    if (number === undefined) {
      this.#report(entry, 'it has no number in the sequence: it was not enqueued in order')
      return
    }
    if (isPast(number, this.#next)) {
      this.#report(entry, `${number} is past: ${this.#next} is next; see done/ and fail/`)
      return
    }
    const before = this.#entries.get(number)
    if (before?.includes(entry) === true) return
    if (before === undefined) {
      this.#entries.set(number, [entry])
      return
    }
    const entries = [...before, entry].filter((each) => this.#isThere(each))
    this.#entries.set(number, entries)
    if (entries.length > 1 && !this.#isOneFile(entries))
      for (const each of entries) this.#report(each, `two items have the number ${number}`)
  }

  #isThere(entry: string): boolean {
    return statEntry(entryPath(this.#queue.paths.queue, entry)) !== undefined
  }

  /** It stays where it is: only a person knows what is to become of it. */
  #report(entry: string, why: string): void {
    if (this.#told.has(entry) || !this.#isThere(entry)) return
    this.#told.add(entry)
    const id = this.#id(entry)
    const { name: queue } = this.#queue
    const error = new FsqError('FSQ_SEQUENCE', `cannot work on ${id} in order: ${why}`, {
      queue,
      id,
    })
    this.#options.onEvent?.({ type: 'error', queue, id, error })
  }

  #id(entry: string): string {
    return printableName(entry, this.#queue.reading.charset)
  }

  /** What happens when the item is finished, or given up. */
  #over(onClose: ClaimOptions['onClose']): (item: Item) => void {
    return (item) => {
      onClose?.(item)
      this.#item = undefined
      const { outcome } = item
      if (outcome?.state === 'done' || outcome?.state === 'fail') {
        this.#advance(nextInSequence(this.#next))
      } else if (outcome !== undefined) {
        this.#entries.set(this.#next, [toByteString(outcome.id, this.#queue.reading.charset)])
      }
    }
  }

  /** Step 3, at once. What keeps it from succeeding is told to whoever takes the next item. */
  #advance(next: bigint): void {
    this.#entries.delete(this.#next)
    this.#next = next
    this.#searched = ''
    this.#hasMoved = true
    this.#advancing = this.#write(next)
    this.#advancing.catch(() => undefined) // See settle.
  }

  async #write(next: bigint): Promise<void> {
    await this.#lock.write(next)
    this.#written = next
  }

  /** Waits until `nextseq` is as it should be; what failed before is tried once more. */
  async #settle(): Promise<void> {
    const advancing = this.#advancing
    this.#advancing = undefined
    if (advancing !== undefined) await advancing
    else if (this.#written !== this.#next) await this.#write(this.#next)
  }

  /** Item N is not there; whether to look again, since another is next now. */
  async #passGap(): Promise<boolean> {
    const ahead = this.#nearest()
    if (ahead === undefined) return false
    if (await this.#passFinished()) return true
    const { gapTimeout, onEvent } = this.#options
    const { name: queue, clock } = this.#queue
    const since = this.#gapSince(ahead)
    const sequence = this.#next
    if (gapTimeout !== undefined) {
      const until = since.getTime() + gapTimeout * 1000
      if (clock.now() >= until) {
        onEvent?.({ type: 'skipped', queue, sequence, next: ahead, since })
        this.#advance(ahead)
        return true
      }
      this.nextTime = until
    }
    const key = `${sequence} waits`
    if (!this.#told.has(key)) onEvent?.({ type: 'waiting', queue, sequence, since })
    this.#told.add(key)
    return false
  }

  /** The nearest number behind N of which an item is there. */
  #nearest(): bigint | undefined {
    let nearest: bigint | undefined
    for (const number of this.#entries.keys())
      if (nearest === undefined || aheadOf(number, this.#next) < aheadOf(nearest, this.#next))
        nearest = number
    return nearest
  }

  /** Since when it is the turn of N, and the item behind it is there. */
  #gapSince(ahead: bigint): Date {
    const { queue } = this.#queue.paths
    const [entry = ''] = this.#entries.get(ahead) ?? []
    const turn = statEntry(workersSequence(this.#queue).path)?.mtimeMs ?? 0
    const arrival = statEntry(entryPath(queue, entry))?.ctimeMs ?? 0
    return new Date(Math.max(turn, arrival))
  }

  /** Goes on to the next number where item N is finished. */
  async #passFinished(): Promise<boolean> {
    if (!this.#isFinished()) return false
    this.#advance(nextInSequence(this.#next))
    await this.#settle()
    return true
  }

  #isFinished(): boolean {
    const { done, fail } = this.#queue.paths
    const times = [done, fail].map((path) => statEntry(path)?.mtimeMs ?? 0)
    const seen = times.join()
    if (seen === this.#searched) return false
    for (const directory of [done, fail])
      for (const entry of walkNames(directory)) if (sequenceOf(entry) === this.#next) return true
    // What changes again in the same moment has the same time.
    if (Math.max(...times) < Date.now() - moment) this.#searched = seen
    return false
  }
}

function explained(queue: QueueContext, error: unknown): unknown {
  if (!(error instanceof FsqError))
    return failure('FSQ_SCAN', `cannot scan ${queue.name}`, error, queue)
  if (error.code === 'FSQ_LOCKED')
    return new FsqError('FSQ_LOCKED', `somebody else works on ${queue.name} in order`, {
      queue: queue.name,
      cause: error,
    })
  return error
}
