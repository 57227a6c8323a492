import { errnoOf, FsqError } from '../../errors.js'
import { checkMembers } from '../../members.js'
import { inodeOf } from '../../posix/inode.js'
import { link, removeIfThere } from '../../posix/names.js'
import { syncDirectory } from '../../posix/directory-sync.js'
import { entryPath } from '../../posix/path.js'
import { nextInSequence, type SequenceLock } from '../../queue/sequence-file.js'
import { listJobs, type QueuedJob, type RejectedFile } from './jobs-directory.js'
import type { OpenJob } from './open-job.js'
import { byTime, groupBySequence, type JobOrder } from './order-jobs.js'
import { makeJobName } from './publish-job.js'
import { ambiguous, queueError } from './queue-error.js'
import type { FilespoolerQueue } from './queue.js'

/*
 * Processing, as fspl(1) does it:
 *
 *   1. lock nextseq.lock, and read nextseq
 *   2. read the header of every job
 *   3. run the job with that number          the job is run again
 *   4. nextseq + 1, fsync, rename, fsync     a file of a lower number, which is never run again
 *   5. remove the file                       the next job
 *
 * and, unlike it, look once more for what came meanwhile before it ends. In the order of the times nextseq
 * is neither read nor written, and the fsync is that of jobs/, made while the next job runs: before it the
 * job is run again.
 * A job that goes to fail/ is linked there before 4: after a kill between the two it is run again, and if it
 * succeeds then, it is done and in fail/. A file of another user, which the system lets nobody link, goes there
 * after 4: after a kill between the two it is a file of a lower number.
 */

/** What is done for a job. What it throws as `FSQ_JOB` is the failure of the job; all else ends the processing. */
export type Work = (job: OpenJob, place: ProcessedJob) => Promise<void>

/** The job that is worked on. */
export interface ProcessedJob extends QueuedJob {
  /** The directory of its queue. */
  readonly directory: string
  /** The descriptor that holds the lock of the queue, for a program that may outlive us. */
  readonly lock: number
}

/**
 * What becomes of a job that failed: `retry` leaves it and ends; `delete` removes it, `leave` leaves it,
 * `deadletter` moves it to `fail/` in the queue, and all three go on.
 */
export type OnError = 'retry' | 'delete' | 'leave' | 'deadletter'

/** How a queue is processed. */
export interface ProcessOptions {
  /** A command for `$SHELL -c` that gets what is in a job file and writes the job. @defaultValue none */
  readonly decoder?: string | undefined
  /** In which order. @defaultValue sequence */
  readonly order?: JobOrder | undefined
  /** What becomes of a job that failed. @defaultValue retry */
  readonly onError?: OnError | undefined
  /** How many jobs to run at most. @defaultValue any number */
  readonly maxJobs?: number | undefined
  /** Whether no file is ever removed from jobs/. @defaultValue false */
  readonly neverDelete?: boolean | undefined
  /** For so many seconds to wait for somebody else to let go of the queue; 0 to try once. @defaultValue 0 */
  readonly wait?: number | undefined
  /** Is told of what happens. */
  readonly onEvent?: ((event: ProcessEvent) => void) | undefined
  /** Ends it before the next job. */
  readonly signal?: AbortSignal | undefined
}

/** A file was passed over that has the name of a job. */
export interface JobRejectedEvent {
  /** Tells the events apart. */
  readonly type: 'rejected'
  /** The file, and why. */
  readonly file: RejectedFile
}

/** A job was done, and what is to be done with it then was done. */
export interface JobDoneEvent {
  /** Tells the events apart. */
  readonly type: 'done'
  /** The job. */
  readonly job: QueuedJob
}

/** A job failed, and what is to become of it became of it. */
export interface JobFailedEvent {
  /** Tells the events apart. */
  readonly type: 'failed'
  /** The job. */
  readonly job: QueuedJob
  /** Why. */
  readonly error: FsqError
}

/** What happens while a queue is processed. */
export type ProcessEvent = JobRejectedEvent | JobDoneEvent | JobFailedEvent

/** What came of processing a queue. */
export interface ProcessResult {
  /** How many jobs were done. */
  readonly done: number
  /** How many failed. */
  readonly failed: number
  /** The failure at which it ended, where failed jobs are to be tried again. */
  readonly failure?: FsqError
  /** The number that is missing, where jobs of higher numbers wait for it. */
  readonly waitingFor?: bigint
}

const known: ReadonlySet<string> = new Set<keyof ProcessOptions>([
  'decoder',
  'order',
  'onError',
  'maxJobs',
  'neverDelete',
  'wait',
  'onEvent',
  'signal',
])

function checkOptions(options: ProcessOptions): void {
  checkMembers('an option of process', options, known)
  const { order = 'sequence', onError = 'retry', maxJobs = 0 } = options
  checkWord('order', order, ['sequence', 'timestamp'])
  checkWord('onError', onError, ['retry', 'delete', 'leave', 'deadletter'])
  if (!(maxJobs >= 0)) throw new TypeError(`Expected \`maxJobs\` to be a number, got ${maxJobs}`)
}

function checkWord(option: string, word: string, words: readonly string[]): void {
  if (words.includes(word)) return
  throw new TypeError(`Expected \`${option}\` to be one of ${words.join(', ')}, got ${word}`)
}

/** Runs the jobs of a queue. */
export async function processJobs(
  queue: FilespoolerQueue,
  work: Work,
  options: ProcessOptions,
): Promise<ProcessResult> {
  checkOptions(options)
  const { order = 'sequence', wait, signal } = options
  using lock = await queue.lock({ wait, signal })
  return await new Processing(queue, work, options, lock).run(order)
}

class Processing {
  readonly #queue: FilespoolerQueue
  readonly #work: Work
  readonly #options: ProcessOptions
  readonly #lock: SequenceLock
  /** The jobs that were read and are still to be run, so that a decoder reads each once. */
  #known = new Map<string, QueuedJob>()
  /** Those that were run, by their times. */
  readonly #run = new Set<string>()
  readonly #rejected = new Set<string>()
  #done = 0
  #failed = 0
  #failure: FsqError | undefined

  constructor(queue: FilespoolerQueue, work: Work, options: ProcessOptions, lock: SequenceLock) {
    this.#queue = queue
    this.#work = work
    this.#options = options
    this.#lock = lock
  }

  async run(order: JobOrder): Promise<ProcessResult> {
    let waitingFor: bigint | undefined
    if (order === 'sequence') waitingFor = await this.#inSequence()
    else await this.#byTime()
    return {
      done: this.#done,
      failed: this.#failed,
      ...(this.#failure && { failure: this.#failure }),
      ...(waitingFor !== undefined && { waitingFor }),
    }
  }

  #isOver(): boolean {
    return (
      this.#failure !== undefined ||
      this.#done + this.#failed >= (this.#options.maxJobs ?? Infinity)
    )
  }

  /** The number that is missing, if any job waits for it. */
  async #inSequence(): Promise<bigint | undefined> {
    let next = await this.#lock.read()
    for (;;) {
      const jobs = groupBySequence(await this.#list())
      const before = next
      for (;;) {
        const [job, ...others] = jobs.get(next) ?? []
        if (job === undefined || this.#isOver()) break
        if (others.length > 0) throw ambiguous(this.#queue.directory, [job, ...others])
        const after = nextInSequence(next)
        if (!(await this.#process(job, async () => this.#lock.write(after)))) return undefined
        next = after
      }
      if (this.#isOver()) return undefined
      if (next !== before) continue // What came meanwhile may be the next.
      return [...jobs.keys()].some((sequence) => sequence > next) ? next : undefined
    }
  }

  async #byTime(): Promise<void> {
    let syncing: Promise<void> | undefined
    try {
      for (;;) {
        const jobs = (await this.#list()).filter(({ entry }) => !this.#run.has(entry))
        if (jobs.length === 0 || this.#isOver()) return
        for (const job of jobs.sort(byTime)) {
          if (this.#isOver()) return
          this.#run.add(job.entry)
          if (!(await this.#process(job, undefined))) return
          // While the next job runs: there is no order that a power cut could break.
          await syncing
          syncing = syncDirectory(`${this.#queue.paths.jobs}/.`)
          syncing.catch(() => undefined) // Looked at before the next, and at the end.
        }
      }
    } finally {
      await syncing
    }
  }

  async #list(): Promise<QueuedJob[]> {
    const { decoder, onEvent, signal } = this.#options
    const directory = this.#queue.paths.jobs
    const { jobs, rejected } = await listJobs(directory, decoder, this.#known, signal)
    this.#known = new Map(jobs.map((job) => [job.entry, job]))
    for (const file of rejected) {
      if (this.#rejected.has(file.entry)) continue
      this.#rejected.add(file.entry)
      onEvent?.({ type: 'rejected', file })
    }
    return [...jobs]
  }

  /** Runs a job and does what is to be done with it then; whether the next may follow. */
  async #process(job: QueuedJob, advance: (() => Promise<void>) | undefined): Promise<boolean> {
    const { onError = 'retry', onEvent, signal } = this.#options
    signal?.throwIfAborted()
    const file = inodeOf(entryPath(this.#queue.paths.jobs, job.entry))?.key
    const error = await this.#try(job)
    if (error === undefined) this.#done++
    else this.#failed++
    const outcome = error === undefined ? 'delete' : onError
    if (error !== undefined && outcome === 'retry') {
      this.#failure = error
      onEvent?.({ type: 'failed', job, error })
      return false
    }
    try {
      if (outcome !== 'retry') await this.#settle(job, outcome, advance, file)
    } catch (cause) {
      throw queueError(`cannot finish the job ${job.name}`, this.#queue.directory, cause)
    }
    onEvent?.(error === undefined ? { type: 'done', job } : { type: 'failed', job, error })
    return true
  }

  /** Runs a job; its failure. */
  async #try(job: QueuedJob): Promise<FsqError | undefined> {
    const { decoder, signal } = this.#options
    const { directory } = this.#queue
    const open = await this.#queue.open(job, { decoder, signal })
    try {
      if (open.job.sequence !== job.job.sequence)
        throw new FsqError('FSQ_FILESPOOLER', `somebody else has written over the job ${job.name}`)
      await this.#work(open, { ...job, directory, lock: this.#lock.fd })
      return undefined
    } catch (error) {
      if (error instanceof FsqError && error.code === 'FSQ_JOB') return error
      throw error
    } finally {
      open[Symbol.dispose]()
    }
  }

  async #settle(
    { entry }: QueuedJob,
    outcome: Exclude<OnError, 'retry'>,
    advance: (() => Promise<void>) | undefined,
    file: string | undefined,
  ): Promise<void> {
    const { jobs, fail } = this.#queue.paths
    const keeps = this.#options.neverDelete === true || outcome === 'leave'
    const path = entryPath(jobs, entry)
    // Its command may have removed it, or somebody may have put another job in its place.
    const isThere = (): boolean => file === undefined || inodeOf(path)?.key === file
    const isDead = outcome === 'deadletter' && isThere()
    if (isDead) await this.#queue.makeSide(fail)
    const isLinked = isDead && linkInto(jobs, fail, entry)
    if (isLinked) await syncDirectory(`${fail}/.`)
    await advance?.()
    if (keeps) return
    this.#known.delete(entry)
    this.#run.delete(entry)
    if (!isThere()) return
    if (isDead && !isLinked) await this.#queue.setAside([{ entry }], fail)
    else removeIfThere(path)
  }
}

/**
 * Gives a file a second name in another directory; again, after a crash, it is there already. False where the
 * system lets nobody link a file of another user (fs.protected_hardlinks of Linux).
 */
function linkInto(from: string, to: string, entry: string): boolean {
  const source = entryPath(from, entry)
  const target = entryPath(to, entry)
  try {
    link(source, target)
  } catch (error) {
    if (errnoOf(error) === 'EPERM') return false
    if (errnoOf(error) !== 'EEXIST') throw error
    if (inodeOf(source)?.key !== inodeOf(target)?.key) link(source, `${to}/${makeJobName()}`)
  }
  return true
}
