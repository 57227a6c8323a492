import { FsqError } from '../../errors.js'
import { checkQueue } from '../../queue/failure.js'
import { findJob } from './find-job.js'
import { argumentsOf, bodyOf, completeJob, type NewJob } from './job-item.js'
import { ownMachine } from './own-machine.js'
import { type JobRecord, update } from './store.js'
import type { Cluster } from './cluster.js'

/*
 * Submitting a job. What a crash leaves after each step:
 *
 *   1. create its record: whoever comes second is     a record without an item
 *      refused
 *   2. enqueue it                                     the job
 *   3. note in the record that it is submitted, if    the same
 *      jobs are carried between machines
 *
 * Without an item the jobID is free again. Where jobs are not carried, that is seen. Where they are, an item that is not
 * here may be on any machine; but until 3 the record names the machine, and who submits there again finds what 2 has
 * left: the item, or what was forwarded of it. So a submission that was cut is to be made again on the same machine.
 */

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
  const { queue, store, isCarried } = cluster
  checkQueue(queue.context)
  const complete = completeJob(job)
  const { jobID } = complete
  const revision = await takeJobID(cluster, jobID)
  // The key, since somebody else may be at the same place with the same jobID.
  const options = { id: jobID, onDuplicate: 'error' } as const
  let id: string
  try {
    id = await queue.enqueue(bodyOf(complete), argumentsOf(complete), options)
  } catch (error) {
    // So that it can be submitted elsewhere. Where this fails as well, it can still be here.
    await giveUp(cluster, jobID, revision).catch(() => undefined)
    throw error
  }
  if (isCarried)
    await update(store.jobs, jobID, (record): JobRecord => {
      const { submitting: _, ...submitted } = record ?? { at: queue.context.clock.now() }
      return submitted
    }).catch(() => undefined) // It is submitted all the same.
  return { jobID, id }
}

/**
 * Step 1.
 *
 * @returns the revision of the record.
 */
async function takeJobID(cluster: Cluster, jobID: string): Promise<number> {
  const { queue, store, isCarried } = cluster
  const at = queue.context.clock.now()
  const record: JobRecord = isCarried ? { at, submitting: await ownMachine(queue.context) } : { at }
  for (;;) {
    const created = await store.jobs.create(jobID, record)
    if (created !== undefined) return created
    const there = await store.jobs.get(jobID)
    if (there === undefined) continue // Who had it has given up.
    const { submitting } = there.value
    const mayBeCut = !isCarried || (submitting !== undefined && submitting === record.submitting)
    if (!mayBeCut || (await findJob(cluster, jobID)) !== undefined)
      throw new FsqError('FSQ_NXQUEUE_JOB', `there is a job ${jobID} already`)
    // What is left of another job of that jobID says nothing of this one.
    const replaced = await store.jobs.replace(jobID, record, there.revision)
    if (replaced !== undefined) return replaced
  }
}

async function giveUp(cluster: Cluster, jobID: string, revision: number): Promise<void> {
  // Somebody else may have submitted it at the same time; or its sync alone has failed.
  if ((await findJob(cluster, jobID)) === undefined)
    await cluster.store.jobs.remove(jobID, revision)
}
