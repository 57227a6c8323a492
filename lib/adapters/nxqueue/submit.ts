import { FsqError } from '../../errors.js'
import { checkQueue } from '../../queue/failure.js'
import { findJob } from './find-job.js'
import { argumentsOf, bodyOf, completeJob, type NewJob } from './job-item.js'
import type { JobRecord } from './store.js'
import type { Cluster } from './cluster.js'

/** A job that was submitted. */
export interface Submitted {
  /** Tells it from all other jobs. */
  readonly jobID: string
  /** The name of its work-item. */
  readonly id: string
}

/**
 * Submits a job: enqueues it, and returns once it is there to stay (as `enqueue` of a queue).
 *
 * @throws `FsqError` `FSQ_NXQUEUE_JOB` for what is no job, or a jobID that another has; what
 * `enqueue` throws. Nothing was submitted then.
 */
export async function submitJob(cluster: Cluster, job: NewJob): Promise<Submitted> {
  const { queue, store } = cluster
  checkQueue(queue.context)
  const complete = completeJob(job)
  const { jobID } = complete
  const record: JobRecord = { at: queue.context.clock.now() }
  const revision = await store.jobs.create(jobID, record)
  // A record without a job is of a submission that was cut, or of a job that was removed.
  if (revision === undefined && (await findJob(cluster, jobID)) !== undefined)
    throw new FsqError('FSQ_NXQUEUE_JOB', `there is a job ${jobID} already`)
  // The key, since somebody else may be at the same place with the same jobID.
  const options = { id: jobID, onDuplicate: 'error' } as const
  const id = await queue.enqueue(bodyOf(complete), argumentsOf(complete), options)
  return { jobID, id }
}
