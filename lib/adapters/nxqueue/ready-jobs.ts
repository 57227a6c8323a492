import { errnoOf, FsqError, reasonOf } from '../../errors.js'
import { close } from '../../posix/files.js'
import { glanceAtName } from '../../posix/glance.js'
import { entryPath } from '../../posix/path.js'
import { turn } from '../../turn.js'
import { type Claim, claimEntry, type ClaimOptions } from '../../queue/claim.js'
import type { QueueContext } from '../../queue/context.js'
import { resolveLimits } from '../../queue/finish.js'
import { listEntries } from '../../queue/list-entries.js'
import { notBefore } from '../../queue/not-before.js'
import { printableName } from '../../queue/printable.js'
import { jobOf } from './job-item.js'
import type { ReadyJob } from './job.js'

/** An item that is no job, or one that nobody can dispatch. */
export interface BadJob {
  /** The name of its item; with \\xNN for bytes that are not text. */
  readonly item: string
  /** Why. */
  readonly error: FsqError
}

/** What waits in a queue to be dispatched. */
export interface ReadyJobs {
  readonly jobs: readonly ReadyJob[]
  readonly bad: readonly BadJob[]
}

/**
 * Reads the jobs that wait in a queue. What it has read it keeps: an item is never written to. But for when one is to
 * wait its file is touched, which may be at any time.
 */
export class ReadyJobsReader {
  readonly #queue: QueueContext
  #known = new Map<string, ReadyJob | FsqError>()

  constructor(queue: QueueContext) {
    this.#queue = queue
  }

  /** @throws `FsqError` `FSQ_NO_QUEUE`, `FSQ_SCAN` */
  async read(): Promise<ReadyJobs> {
    const { paths, reading } = this.#queue
    const known = new Map<string, ReadyJob | FsqError>()
    const jobs: ReadyJob[] = []
    const bad: BadJob[] = []
    for (const entry of listEntries(this.#queue, paths.queue)) {
      await turn()
      const job = this.#known.get(entry) ?? (await this.#readJob(entry))
      if (job === undefined) continue
      // What the system did not let us read, such as for too many open files, may be read the next time.
      if (errnoOf(job) === undefined) known.set(entry, job)
      if (job instanceof FsqError)
        bad.push({ item: printableName(entry, reading.charset), error: job })
      else jobs.push(this.#withTime(job, entry))
    }
    this.#known = known
    return { jobs, bad }
  }

  #withTime(job: ReadyJob, entry: string): ReadyJob {
    const { paths, clock } = this.#queue
    const stat = glanceAtName(entryPath(paths.queue, entry))
    const time = stat && notBefore(stat, clock.now())
    return time === undefined ? job : { ...job, notBefore: time }
  }

  /** Undefined: it is gone. */
  async #readJob(entry: string): Promise<ReadyJob | FsqError | undefined> {
    const queue = this.#queue
    const options = {
      lock: false,
      open: true,
      unnoticed: true,
      early: true,
      limits: resolveLimits({}, queue.settings),
    }
    const claim = tryClaim(queue, entry, options)
    if ('malformed' in claim) {
      if (claim.fd !== undefined) close(claim.fd)
      return claim.malformed
    }
    if (!('item' in claim)) return undefined
    using item = claim.item
    try {
      const { details: _, ...job } = await jobOf(item)
      return { ...job, item: item.id, submitted: item.enqueuedAt.getTime() }
    } catch (error) {
      if (error instanceof FsqError) return error
      throw error
    }
  }
}

/** One that cannot be opened, as it is another user's, keeps nobody from seeing the others. */
function tryClaim(queue: QueueContext, entry: string, options: ClaimOptions): Claim {
  try {
    return claimEntry(queue, entry, options)
  } catch (cause) {
    const id = printableName(entry, queue.reading.charset)
    const message = `cannot read the job ${id}: ${reasonOf(cause)}`
    return { malformed: new FsqError('FSQ_NXQUEUE_JOB', message, { queue: queue.name, cause }) }
  }
}
