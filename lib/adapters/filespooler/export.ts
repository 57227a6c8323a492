import { FsqError } from '../../errors.js'
import { syncDirectory } from '../../posix/directory-sync.js'
import { close, createFile, writeFully } from '../../posix/files.js'
import { moveNoReplace, removeIfThere, replaceFile, statEntry } from '../../posix/names.js'
import { sync } from '../../posix/sync.js'
import type { Item } from '../../queue/item.js'
import {
  nextInSequence,
  readSequence,
  type SequenceFile,
  type SequenceLockOptions,
} from '../../queue/sequence-file.js'
import type { Queue } from '../../root/queue.js'
import { listItems } from '../../upkeep/list-items.js'
import { isPacked, jobFor, jobNameFor, unpackedJob } from './convert.js'
import { hasContent } from './has-content.js'
import { encodeHeader } from './header.js'
import { readPlainJob } from './open-job.js'
import { queueError } from './queue-error.js'
import type { FilespoolerQueue } from './queue.js'
import { readHeader } from './read-header.js'

/*
 * Export: items become jobs of a Filespooler queue. The name of a job's file follows from that of its item.
 *
 *   1. lock the item; go on with 6 where its job is there     the item
 *   2. lock the sequence file, and read it                    the same
 *   3. write the job to jobs/tmp-NAME.tmp, fsync it, and      the item; the next export of it writes the job
 *      rename it to jobs/tmp-NAME.numbered, to last           again
 *   4. sequence + 1                                           the item, and a job with a number that nobody
 *                                                             else has, which the next export of it goes on with
 *   5. rename it to jobs/NAME, to last                        the job and the item: the next export makes it done
 *   6. the item is done                                       the job
 *
 * So no number is left out, which would stop whoever processes them in their order, and none is there twice;
 * but where we are killed between 3 and 4, and somebody else then takes that number from the file, and what it
 * made has not come to the queue when the export goes on, or has left it: only nextseq tells of what has, and
 * an append-only queue, whose jobs are carried away, has none. Likewise after 5: a job that is processed or
 * carried away before the next export is made once more, with another number. So jobs are there at least once.
 *
 * A job that came by an import has its number; for it, 2 to 4 are the writing of the file. What is in jobs/ under
 * one of these names and is not the job of the item, whoever put it there, is not gone on with.
 */

/** How items are exported. */
export interface ExportOptions extends Pick<SequenceLockOptions, 'wait' | 'signal'> {
  /** Is told what becomes of each item. */
  readonly onEvent?: ((event: ExportEvent) => void) | undefined
}

/** What an export tells as it goes. */
export type ExportEvent =
  | {
      /** An item has become a job, and is done. */
      readonly type: 'exported'
      /** The name of the item. */
      readonly id: string
      /** The name of the job's file. */
      readonly file: string
      /** Whether it was new; otherwise the queue has it from an export that was cut off. */
      readonly added: boolean
    }
  | {
      /** An item was left where it is; or it is no item, and is in fail/ now. */
      readonly type: 'left'
      /** Its name. */
      readonly id: string
      /** Why. */
      readonly reason: string
    }

/** What an export came to. */
export interface ExportResult {
  /** How many jobs were added. */
  readonly added: number
  /** How many were there already. */
  readonly present: number
  /** How many items were left. */
  readonly left: number
}

/**
 * Moves the items of a queue into a Filespooler queue, which may be append-only: their arguments become
 * parameters, their bodies payloads, and their names a variable by which an import knows them. What came by an
 * import is the job that it was. Left are items that wait for their time, since nobody there would wait, those
 * that somebody works on, and those that no job can say.
 *
 * @param sequence - where the numbers of the jobs come from, as for any sender
 * @throws `FsqError` `FSQ_FILESPOOLER`, `FSQ_LOCKED`, `FSQ_SEQUENCE`, `FSQ_NO_QUEUE`, `FSQ_SCAN`,
 * `FSQ_BODY`, `FSQ_FINISH`: nothing is lost then, the next export goes on.
 */
export async function exportItems(
  from: Queue,
  to: FilespoolerQueue,
  sequence: SequenceFile,
  { wait, signal, onEvent }: ExportOptions = {},
): Promise<ExportResult> {
  checkTarget(to)
  const result = { added: 0, present: 0, left: 0 }
  const left = (id: string, reason: string): void => {
    result.left++
    onEvent?.({ type: 'left', id, reason })
  }
  const seen = new Set<string>()
  const leftBehind = (id: string, reason: string): void => {
    seen.add(id)
    left(id, reason)
  }
  const scan = from.scan({
    ignoreDown: true,
    lock: true,
    maxTries: 0,
    ttl: 0,
    ...(signal && { signal }),
    onEvent: (event) => {
      if ('error' in event) leftBehind(event.id, event.error.message)
    },
  })
  for await (const item of scan) {
    const file = jobNameFor(from.name, item.id)
    try {
      const added = await new Writing(to, file, item, sequence, { wait, signal }).write()
      await item.success().catch(unlessGone)
      if (added) result.added++
      else result.present++
      onEvent?.({ type: 'exported', id: item.id, file, added })
    } catch (cause) {
      if (!(cause instanceof FsqError && cause.code === 'FSQ_JOB'))
        throw queueError(`cannot export ${item.id}`, to.directory, cause)
      leftBehind(item.id, cause.message)
    } finally {
      item.close()
    }
  }
  for (const { id, notBefore, locked } of listItems(from)) {
    if (seen.has(id)) continue
    if (notBefore !== undefined) left(id, `it waits until ${notBefore.toISOString()}`)
    else
      left(id, locked ? 'somebody is working on it' : 'it was not free at its turn, or came later')
  }
  return result
}

/** What cannot take any job is not to be taken for something about the first item. */
function checkTarget({ directory, paths: { jobs } }: FilespoolerQueue): void {
  if (statEntry(jobs)?.isDirectory() === true) return
  const message = `not a queue of Filespooler: ${directory} has no directory jobs; "fsq filespooler queue-init" makes one`
  throw new FsqError('FSQ_FILESPOOLER', message, { path: directory })
}

/** Somebody has finished it although it was locked: it is a job now all the same. */
function unlessGone(error: unknown): void {
  if (!(error instanceof FsqError && error.code === 'FSQ_NO_ITEM')) throw error
}

/** Writes the job of an item. */
class Writing {
  readonly #to: FilespoolerQueue
  readonly #item: Item
  readonly #sequence: SequenceFile
  readonly #lockOptions: SequenceLockOptions
  readonly #job: string
  readonly #temporary: string
  readonly #numbered: string

  constructor(
    to: FilespoolerQueue,
    file: string,
    item: Item,
    sequence: SequenceFile,
    lockOptions: SequenceLockOptions,
  ) {
    this.#to = to
    this.#item = item
    this.#sequence = sequence
    this.#lockOptions = lockOptions
    this.#job = `${to.paths.jobs}/${file}`
    this.#temporary = `${to.paths.jobs}/tmp-${file}.tmp`
    this.#numbered = `${to.paths.jobs}/tmp-${file}.numbered`
  }

  /** Writes it; false where it is there already. */
  async write(): Promise<boolean> {
    const isThere = await this.#isJobAt(this.#job)
    if (isThere === false)
      throw new FsqError('FSQ_JOB', `${this.#job} is there, and is not the job of this item`)
    if (isThere === undefined) {
      const former = this.#formerHeader()
      await (former === undefined ? this.#writeNew() : this.#writeFormer(former))
    }
    await syncDirectory(`${this.#to.paths.jobs}/.`)
    return isThere === undefined
  }

  /** Whether a file is the job of the item, with whatever number; nothing where there is no file. */
  async #isJobAt(path: string): Promise<boolean | undefined> {
    if (statEntry(path)?.isFile() !== true) return statEntry(path) === undefined ? undefined : false
    try {
      const header = this.#formerHeader() ?? this.#headerWith(readPlainJob(path).sequence)
      return await hasContent(path, this.#contentOf(header))
    } catch (error) {
      if (error instanceof FsqError && error.code === 'FSQ_JOB') return false
      throw error
    }
  }

  /** The header of a job that came by an import; empty where that is in the body. */
  #formerHeader(): Uint8Array | undefined {
    if (isPacked(this.#item)) return new Uint8Array()
    const job = unpackedJob(this.#item, this.#item.context.reading.charset)
    return job && encodeHeader(job)
  }

  #headerWith(sequence: bigint): Uint8Array {
    return encodeHeader(jobFor(this.#item, this.#item.context.reading.charset, sequence))
  }

  async *#contentOf(header: Uint8Array): AsyncGenerator<Uint8Array> {
    yield header
    yield* this.#item.pieces()
  }

  /** Writes the job that the item was. */
  async #writeFormer(header: Uint8Array): Promise<void> {
    const { fd } = this.#item
    if (isPacked(this.#item) && fd !== undefined) readHeader(fd) // Or it is none.
    await this.#prepare(header)
    this.#publish()
  }

  async #writeNew(): Promise<void> {
    using lock = await this.#sequence.lock(this.#lockOptions)
    const next = await lock.read()
    if (!(await this.#hasOwnNumber(next))) {
      await this.#prepare(this.#headerWith(next))
      await lock.write(nextInSequence(next))
    }
    this.#publish()
  }

  /** Whether an export came as far as to take a number for the job, and nobody else has that. */
  async #hasOwnNumber(next: bigint): Promise<boolean> {
    if ((await this.#isJobAt(this.#numbered)) !== true) return false
    const { sequence } = readPlainJob(this.#numbered)
    if (sequence >= next) return false
    const run = readSequence(this.#to.paths.nextseq)
    if (run !== undefined && run > sequence) return false
    const { jobs } = await this.#to.list()
    return !jobs.some(({ job }) => job.sequence === sequence)
  }

  /** Writes the file, complete and to last, under a name that is no job's. */
  async #prepare(header: Uint8Array): Promise<void> {
    removeIfThere(this.#temporary)
    const fd = createFile(this.#temporary, 0o666)
    try {
      for await (const piece of this.#contentOf(header)) await writeFully(fd, piece)
      await sync(fd)
    } catch (error) {
      removeIfThere(this.#temporary)
      throw error
    } finally {
      close(fd)
    }
    replaceFile(this.#temporary, this.#numbered)
    await syncDirectory(`${this.#to.paths.jobs}/.`)
  }

  #publish(): void {
    if (moveNoReplace(this.#numbered, this.#job) === 'linked') removeIfThere(this.#numbered)
  }
}
