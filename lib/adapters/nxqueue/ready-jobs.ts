import { FsqError, reasonOf } from '../../errors.js'
import { turn } from '../../turn.js'
import { type Claim, claimEntry, type ClaimOptions } from '../../queue/claim.js'
import type { QueueContext } from '../../queue/context.js'
import { resolveLimits } from '../../queue/finish.js'
import { listEntries } from '../../queue/list-entries.js'
import { jobOf } from './job-item.js'
import type { ReadyJob } from './job.js'

/** An item that is no job, or one that nobody can dispatch. */
export interface BadJob {
  /** The name of its item, a byte string. */
  readonly item: string
  /** Why. */
  readonly error: FsqError
}

/** What waits in a queue to be dispatched. */
export interface ReadyJobs {
  readonly jobs: readonly ReadyJob[]
  readonly bad: readonly BadJob[]
}

/** Reads the jobs that wait in a queue. What it has read it keeps: an item is never written to. */
export class ReadyJobsReader {
  readonly #queue: QueueContext
  #known = new Map<string, ReadyJob | FsqError>()

  constructor(queue: QueueContext) {
    this.#queue = queue
  }

  /** @throws `FsqError` `FSQ_NO_QUEUE`, `FSQ_SCAN` */
  async read(): Promise<ReadyJobs> {
    const { paths } = this.#queue
    const known = new Map<string, ReadyJob | FsqError>()
    for (const entry of listEntries(this.#queue, paths.queue)) {
      await turn()
      const job = this.#known.get(entry) ?? (await this.#readJob(entry))
      if (job !== undefined) known.set(entry, job)
    }
    this.#known = known
    const jobs: ReadyJob[] = []
    const bad: BadJob[] = []
    for (const [item, job] of known)
      if (job instanceof FsqError) bad.push({ item, error: job })
      else jobs.push(job)
    return { jobs, bad }
  }

  /** Undefined: it is gone. */
  async #readJob(entry: string): Promise<ReadyJob | FsqError | undefined> {
    const queue = this.#queue
    const options = {
      lock: false,
      open: true,
      unnoticed: true,
      limits: resolveLimits({}, queue.settings),
    }
    let claim = tryClaim(queue, entry, options)
    let notBefore: number | undefined
    if ('skipped' in claim && claim.skipped === 'early') {
      notBefore = claim.notBefore
      claim = tryClaim(queue, entry, { ...options, early: true })
    }
    if ('malformed' in claim) return claim.malformed
    if (!('item' in claim)) return undefined
    using item = claim.item
    try {
      const { details: _, ...job } = await jobOf(item)
      return {
        ...job,
        item: item.id,
        submitted: item.enqueuedAt.getTime(),
        ...(notBefore !== undefined && { notBefore }),
      }
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
    const message = `cannot read the job ${entry}: ${reasonOf(cause)}`
    return { malformed: new FsqError('FSQ_NXQUEUE_JOB', message, { queue: queue.name, cause }) }
  }
}
