import { all } from '../../all.js'
import { batchesOf } from '../../batches.js'
import { errnoOf, FsqError, reasonOf } from '../../errors.js'
import { checkWritable } from '../../posix/access.js'
import { syncDirectory } from '../../posix/directory-sync.js'
import { inodeOf } from '../../posix/inode.js'
import { listNames, replaceFile, statEntry } from '../../posix/names.js'
import { getNative } from '../../posix/native.js'
import { entryPath } from '../../posix/path.js'
import { systemError } from '../../posix/system-error.js'
import { nextInSequence, type SequenceLock } from '../../queue/sequence-file.js'
import { turn } from '../../turn.js'
import {
  isJobName,
  listJobs,
  type QueuedJob,
  type RejectedFile,
  textOfEntry,
} from './jobs-directory.js'
import { byTime, groupBySequence, type JobOrder } from './order-jobs.js'
import type { JobRejectedEvent } from './process.js'
import { makeJobName } from './publish-job.js'
import { ambiguous, queueError } from './queue-error.js'
import type { FilespoolerQueue } from './queue.js'

/*
 * Moving jobs into other queues. A file is in one directory at any time, so a job that was moved is in no
 * two queues, however often we are killed. By the times of the jobs, under the lock of the source:
 *
 *   1. rename jobs/NAME to DESTINATION/jobs/NAME, one by one      it is here, or there
 *   2. fsync the directories, those first in which they are now   it is there to stay
 *
 * In sequence, nextseq tells which jobs are on their way, a batch at a time:
 *
 *   1. rename jobs/NAME to dispersing/NAME, one by one; fsync both   the next call puts them back
 *   2. write nextseq: the number behind the last of them             the next call moves them on
 *   3. as above, from dispersing/
 *
 * Between a kill in 1 and the next call the source lacks its next job, and nobody else goes on. Where a step
 * fails, those that are still in dispersing/ are put back:
 *
 *   1. write nextseq: the number of the first of them                    the next call puts them back
 *   2. rename dispersing/NAME to jobs/NAME, the last first; fsync both   the source, as it was
 */

/** So many jobs are on their way at most: they share the syncs, and are what a kill leaves half done. */
const most = 64

/** Which jobs are moved. */
export interface DisperseOptions {
  /** In which order; `sequence` ends at a gap. @defaultValue sequence */
  readonly order?: JobOrder | undefined
  /** How many to move at most. @defaultValue any number */
  readonly maxJobs?: number | undefined
  /**
   * How many jobs a destination is to have at most; what finds no room stays in the source. Those that an
   * earlier call was killed with have left it, and are moved on in any case.
   *
   * @defaultValue any number
   */
  readonly maxDepth?: number | undefined
  /** A command for `$SHELL -c` that gets what is in a job file and writes the job. @defaultValue none */
  readonly decoder?: string | undefined
  /** For so many seconds to wait for somebody else to let go of the source; 0 to try once. @defaultValue 0 */
  readonly wait?: number | undefined
  /** Is told of what happens. */
  readonly onEvent?: ((event: DisperseEvent) => void) | undefined
  /** Ends it before the next jobs, 64 at a time; none is on its way then. */
  readonly signal?: AbortSignal | undefined
}

/** A job was moved, and is there to stay. */
export interface JobMovedEvent {
  /** Tells the events apart. */
  readonly type: 'moved'
  /** The job, as it was in the source. */
  readonly job: QueuedJob
  /** The directory of the queue that it is in. */
  readonly to: string
  /** The name of its file there: another one where its own was taken. */
  readonly name: string
}

/** A job that a killed call was about to move is back in the source, where this one found it. */
export interface JobReturnedEvent {
  /** Tells the events apart. */
  readonly type: 'returned'
  /** The job. */
  readonly job: QueuedJob
}

/** What happens while jobs are moved. */
export type DisperseEvent = JobRejectedEvent | JobMovedEvent | JobReturnedEvent

/** What came of moving jobs. */
export interface DisperseResult {
  /** How many were moved. */
  readonly moved: number
  /** How many could be moved as well, were there room for them, or had more been asked for. */
  readonly left: number
  /** The number that is missing, or not safe, where jobs of higher numbers wait for it. */
  readonly waitingFor?: bigint
}

/** A queue that jobs are moved to. */
interface Destination {
  readonly queue: FilespoolerQueue
  /** How many jobs are in it, by their names. */
  load: number
}

/**
 * Moves jobs from one queue to others on the same file system, each to that which has the fewest jobs at
 * that moment. Jobs reach a destination in the order in which they are moved, and none in two: by whom the
 * destinations are processed, and how many are, does not matter. Their numbers have gaps there, so that
 * destinations are processed in the order of the times. Files that are no jobs, or not safe, are left.
 *
 * What a killed call left half done is gone on with by the next, in either order.
 *
 * @throws `FsqError` `FSQ_LOCKED` where the source is being processed; `FSQ_FILESPOOLER`, with the errno
 * `EXDEV` where a destination is on another file system, `EACCES` where jobs cannot be put into one:
 * nothing is moved then; the same where that shows later: what was not moved is in the source; `FSQ_SEQUENCE`;
 * `FSQ_AMBIGUOUS` where the job that is next is there twice; the reason of the signal.
 */
export async function disperse(
  source: FilespoolerQueue,
  destinations: readonly FilespoolerQueue[],
  options: DisperseOptions = {},
): Promise<DisperseResult> {
  if (destinations.length === 0) throw new TypeError('Expected a queue to move jobs to, got none')
  const { wait, signal } = options
  using lock = await source.lock({ wait, signal })
  return await new Dispersal(source, destinations, options, lock).run()
}

class Dispersal {
  readonly #source: FilespoolerQueue
  readonly #destinations: readonly Destination[]
  readonly #options: DisperseOptions
  readonly #lock: SequenceLock
  #moved = 0

  constructor(
    source: FilespoolerQueue,
    destinations: readonly FilespoolerQueue[],
    options: DisperseOptions,
    lock: SequenceLock,
  ) {
    checkDirectories(source, destinations)
    this.#source = source
    this.#destinations = destinations.map((queue) => ({ queue, load: loadOf(queue) }))
    this.#options = options
    this.#lock = lock
  }

  async run(): Promise<DisperseResult> {
    const { order = 'sequence', signal } = this.#options
    try {
      await this.#recover()
      signal?.throwIfAborted()
      return await (order === 'sequence' ? this.#inSequence() : this.#byTime())
    } catch (cause) {
      const { directory } = this.#source
      throw queueError(`cannot move the jobs of ${directory}`, directory, cause)
    }
  }

  /** Goes on with what a killed call was at, in sequence. */
  async #recover(): Promise<void> {
    const { jobs, dispersing } = this.#source.paths
    if (statEntry(dispersing) === undefined) return
    const { jobs: found, rejected } = await listJobs(dispersing, this.#options.decoder)
    const [unread] = rejected.filter(({ kind }) => kind !== 'unsafe')
    // It may want another decoder, and must not be forgotten here.
    if (unread !== undefined)
      throw new FsqError(
        'FSQ_FILESPOOLER',
        `cannot go on with ${unread.name} in ${dispersing}: ${unread.reason}`,
        { path: dispersing },
      )
    if (found.length === 0) return
    const next = await this.#lock.read()
    const since = ({ job }: QueuedJob): bigint => nextInSequence(job.sequence, -next)
    const inOrder = [...found].sort((one, other) => (since(one) < since(other) ? -1 : 1))
    // Numbers go round: those of the half before the next are those that it has passed.
    const isPassed = (job: QueuedJob): boolean => since(job) >= 2n ** 63n
    const returned = inOrder.filter((job) => !isPassed(job))
    for (const { entry } of returned) moveJob(dispersing, jobs, entry)
    if (returned.length > 0) await syncDirectory(`${jobs}/.`)
    await this.#move(dispersing, inOrder.filter(isPassed))
    for (const job of returned) this.#options.onEvent?.({ type: 'returned', job })
  }

  async #byTime(): Promise<DisperseResult> {
    const { jobs, unsafe } = await this.#list()
    const ready = jobs.filter(({ entry }) => !unsafe.has(entry)).sort(byTime)
    let moved = 0
    for await (const batch of this.#batches(ready))
      moved += await this.#move(this.#source.paths.jobs, batch)
    return { moved: this.#moved, left: ready.length - moved }
  }

  async #inSequence(): Promise<DisperseResult> {
    const { jobs, unsafe } = await this.#list()
    const bySequence = groupBySequence(jobs)
    const ready: QueuedJob[] = []
    let next = await this.#lock.read()
    for (;;) {
      const [job, ...others] = bySequence.get(next) ?? []
      if (job === undefined || unsafe.has(job.entry)) break
      if (others.length > 0) {
        if (ready.length > 0) break // Those before it can be moved.
        throw ambiguous(this.#source.directory, [job, ...others])
      }
      ready.push(job)
      next = nextInSequence(next)
    }
    let taken = 0
    for await (const batch of this.#batches(ready)) {
      const staged = await this.#moveInSequence(batch)
      taken += staged
      if (staged < batch.length) break
    }
    const left = ready.length - taken
    for (const { job } of ready) bySequence.delete(job.sequence)
    const isWaiting = left === 0 && [...bySequence.keys()].some((sequence) => sequence > next)
    return { moved: this.#moved, left, ...(isWaiting && { waitingFor: next }) }
  }

  async #list(): Promise<{ jobs: QueuedJob[]; unsafe: ReadonlySet<string> }> {
    const { decoder, onEvent } = this.#options
    const directory = this.#source.paths.jobs
    const { jobs, rejected } = await listJobs(directory, decoder, undefined, this.#options.signal)
    const links = jobs.filter(({ entry }) => isLink(directory, entry))
    const left = [...rejected, ...links.map((job): RejectedFile => ({ ...job, ...asLink }))]
    for (const file of left) onEvent?.({ type: 'rejected', file })
    return { jobs: [...jobs], unsafe: new Set(left.map(({ entry }) => entry)) }
  }

  /** As many of these as there is room for, and as are asked for, until we are to end. */
  async *#batches(ready: readonly QueuedJob[]): AsyncGenerator<QueuedJob[]> {
    const { maxJobs = Infinity, maxDepth = Infinity, signal } = this.#options
    const room = this.#destinations.map(({ load }) => Math.max(0, maxDepth - load))
    const all = room.reduce((sum, each) => sum + each, 0)
    yield* batchesOf(ready.slice(0, Math.min(maxJobs, all)), most, signal)
    signal?.throwIfAborted()
  }

  /** Moves jobs that follow each other, up to one that is gone; how many. */
  async #moveInSequence(batch: readonly QueuedJob[]): Promise<number> {
    const { dispersing } = this.#source.paths
    const staged: QueuedJob[] = []
    try {
      await this.#stage(batch, staged)
      const last = staged.at(-1)
      if (last === undefined) return 0
      await this.#lock.write(nextInSequence(last.job.sequence))
      await this.#move(dispersing, staged)
      return staged.length
    } catch (error) {
      const isThere = ({ entry }: QueuedJob): boolean =>
        statEntry(entryPath(dispersing, entry)) !== undefined
      await this.#putBack(staged.filter(isThere), error)
      throw error
    }
  }

  /** Takes jobs out of jobs/, up to one that is gone, and notes those that were taken. */
  async #stage(batch: readonly QueuedJob[], staged: QueuedJob[]): Promise<void> {
    const { paths } = this.#source
    await this.#source.makeSide(paths.dispersing)
    for (const job of batch) {
      const entry = moveJob(paths.jobs, paths.dispersing, job.entry)
      if (entry === undefined) break
      staged.push({ ...job, entry })
      await turn()
    }
    await syncDirectory(`${paths.dispersing}/.`)
    await syncDirectory(`${paths.jobs}/.`)
  }

  /** Puts jobs of dispersing/ back, as if they had never been taken. */
  async #putBack(staged: readonly QueuedJob[], why: unknown): Promise<void> {
    const { jobs, dispersing } = this.#source.paths
    const [first] = staged
    if (first === undefined) return
    const { sequence } = first.job
    try {
      // Not until then: jobs that nextseq has passed would never be run.
      if ((await this.#lock.read()) !== sequence) await this.#lock.write(sequence)
      for (const { entry } of staged.toReversed()) moveJob(dispersing, jobs, entry)
      await syncDirectory(`${jobs}/.`)
      await syncDirectory(`${dispersing}/.`)
    } catch (cause) {
      throw new FsqError(
        'FSQ_FILESPOOLER',
        `${reasonOf(why)}; jobs stay in ${dispersing} until the next call: ${reasonOf(cause)}`,
        { path: dispersing, cause: new AggregateError([why, cause]) },
      )
    }
  }

  /** Moves jobs to the destinations; how many were still there. */
  async #move(from: string, jobs: readonly QueuedJob[]): Promise<number> {
    const events: JobMovedEvent[] = []
    const changed = new Set<Destination>()
    try {
      for (const job of jobs) {
        const to = leastLoaded(this.#destinations)
        const entry = this.#moveTo(to.queue, from, job)
        if (entry === undefined) continue
        to.load++
        changed.add(to)
        events.push({ type: 'moved', job, to: to.queue.directory, name: textOfEntry(entry) })
        await turn()
      }
    } finally {
      // First where they are now: a power cut may leave them in both, but not in neither.
      await all([...changed].map(({ queue }) => syncDirectory(`${queue.paths.jobs}/.`)))
      if (events.length > 0) await syncDirectory(`${from}/.`)
      this.#moved += events.length
      for (const event of events) this.#options.onEvent?.(event)
    }
    return events.length
  }

  #moveTo(
    { directory, paths }: FilespoolerQueue,
    from: string,
    { entry }: QueuedJob,
  ): string | undefined {
    try {
      return moveJob(from, paths.jobs, entry)
    } catch (cause) {
      throw moveError(this.#source, directory, cause)
    }
  }
}

/**
 * Checks that jobs can be moved to each of the destinations, and changes nothing: the system refuses to move a
 * file that is not there to another file system too, but does not look whether it may be put there.
 */
function checkDirectories(
  source: FilespoolerQueue,
  destinations: readonly FilespoolerQueue[],
): void {
  const keys = new Set([keyOf(source)])
  for (const queue of destinations) {
    const { directory } = queue
    const key = keyOf(queue)
    if (keys.has(key))
      throw new FsqError('FSQ_FILESPOOLER', `${directory} is given twice`, { path: directory })
    keys.add(key)
    const name = `tmp-${makeJobName()}.tmp`
    try {
      checkWritable(queue.paths.jobs)
      replaceFile(`${source.paths.jobs}/${name}`, `${queue.paths.jobs}/${name}`)
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') continue
      throw moveError(source, directory, cause)
    }
  }
}

function moveError(source: FilespoolerQueue, directory: string, cause: unknown): unknown {
  const attempt = `cannot move jobs from ${source.directory} to ${directory}`
  return queueError(attempt, directory, cause)
}

/** The same text for the same queue, whatever path leads there. */
function keyOf({ directory, paths }: FilespoolerQueue): string {
  const jobs = `${paths.jobs}/.`
  try {
    const inode = inodeOf(jobs)
    if (inode === undefined) throw systemError('ENOENT', jobs)
    return inode.key
  } catch (cause) {
    throw queueError(`cannot use the queue ${directory}`, directory, cause)
  }
}

function loadOf({ directory, paths }: FilespoolerQueue): number {
  try {
    return listNames(paths.jobs).filter(isJobName).length
  } catch (cause) {
    throw queueError(`cannot list the queue ${directory}`, directory, cause)
  }
}

/** What a link leads to depends on where it is. */
const asLink = {
  reason: 'it is a symbolic link, and only files are moved',
  kind: 'unsafe',
} as const

function isLink(directory: string, entry: string): boolean {
  return statEntry(entryPath(directory, entry))?.isSymbolicLink() === true
}

/** The first of those that have the fewest jobs. */
function leastLoaded(destinations: readonly Destination[]): Destination {
  return destinations.reduce((least, each) => (each.load < least.load ? each : least))
}

/**
 * Moves a file by one rename(2), under its name, or a new one where that is taken.
 *
 * @returns the name; nothing where the file is gone.
 */
function moveJob(from: string, to: string, entry: string): string | undefined {
  const path = entryPath(from, entry)
  try {
    try {
      if (getNative().renameNoReplace(path, entryPath(to, entry))) return entry
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    }
    // The name is taken; or the system cannot say whether it is. Nobody has this one.
    const name = makeJobName()
    replaceFile(path, `${to}/${name}`)
    return name
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && statEntry(path) === undefined) return undefined
    throw error
  }
}
