import { FsqError } from '../../errors.js'
import { claimByName } from '../../queue/claim.js'
import { requeueEntry } from '../../queue/requeue.js'
import type { Cluster } from './cluster.js'
import { entryOf, findJob, findJobOrThrow, type FoundJob } from './find-job.js'
import { putBackByName } from './put-back.js'
import { free, type JobRecord, type Launched, launchOf, update } from './store.js'

/*
 * What an operator does to a job. Each is done under the lock of its item, so that nobody launches or
 * executes it meanwhile; a crash leaves the job where it was, or where it goes, and what it may have
 * claimed is freed by the next pass.
 */

/** What became of a job that was to be cancelled. */
export type Cancelled =
  /** It had not begun, and is in fail/. */
  | 'cancelled'
  /** It runs: its server was told to end it. */
  | 'ending'

/**
 * Cancels a job: one that waits, or is launched, fails; one that runs is ended by its server, and fails.
 *
 * @throws `FsqError` `FSQ_NO_ITEM`; `FSQ_NXQUEUE_JOB` where it has ended
 */
export async function cancelJob(cluster: Cluster, jobID: string): Promise<Cancelled> {
  const { store, queue } = cluster
  const found = await findJobOrThrow(cluster, jobID)
  if (found.state !== 'queue') throw await hasEnded(cluster, found)
  const at = queue.context.clock.now()
  try {
    using item = claimByName(found.context, found.id)
    const launched = await launchOf(store, found.id)
    if (found.context.host !== undefined && launched?.run !== undefined) throw wasLost(found)
    await update(store.jobs, found.jobID, (): JobRecord => ({ ended: 'cancelled', at }))
    await item.failPerm()
    await free(store, found.id, launched)
    return 'cancelled'
  } catch (error) {
    if (!(error instanceof FsqError && error.code === 'FSQ_ITEM_LOCKED')) throw error
    await update(store.jobs, found.jobID, (job): JobRecord => {
      return job?.ended === undefined ? { cancel: true, at } : job
    })
    return 'ending'
  }
}

/**
 * Lets a job run again that has ended, as if it had just been submitted but with its age.
 *
 * @returns the name of its item.
 * @throws `FsqError` `FSQ_NO_ITEM`; `FSQ_NXQUEUE_JOB` where it has not ended
 */
export async function runAgain(cluster: Cluster, jobID: string): Promise<string> {
  const { store, queue, isCarried } = cluster
  const found = await findJobOrThrow(cluster, jobID)
  const { context, state } = found
  // Whoever forwarded it has it in done/, too.
  const isElsewhere = isCarried && (await store.jobs.get(found.jobID))?.value.ended === undefined
  if (state === 'queue' || isElsewhere)
    throw new FsqError('FSQ_NXQUEUE_JOB', `${found.jobID} has not ended: it waits, or runs`)
  const at = queue.context.clock.now()
  await update(store.jobs, found.jobID, (): JobRecord => ({ at }))
  // What was carried under its name once would be known elsewhere, and not be carried again.
  const id = await requeueEntry(context, state, entryOf(found), { fresh: isCarried })
  // Its server would do it as well, since nobody launched it.
  if (context.host !== undefined) await putBackByName(context, queue.context, id, isCarried)
  return id
}

/**
 * Says that a job does not run any more that was running on a server which is not there: that machine was
 * switched off, or looked at. It waits for its next try then, with one more try spent, and what it had is
 * free. If it still runs, two may write to one volume.
 *
 * @returns the name of its item, in the queue; undefined where that is on another machine.
 * @throws `FsqError` `FSQ_NO_ITEM`; `FSQ_NXQUEUE_JOB` where it is not launched; `FSQ_ITEM_LOCKED` where it
 * certainly runs
 */
export async function releaseJob(cluster: Cluster, jobID: string): Promise<string | undefined> {
  const { store, queue, isCarried } = cluster
  const found = await findJob(cluster, jobID)
  if (found?.state !== 'queue' || found.context.host === undefined)
    return releaseElsewhere(cluster, jobID, found)
  const launched = await launchOf(store, found.id)
  using item = claimByName(found.context, found.id)
  const { id, state } = await item.failTmp({ maxTries: 0 })
  if (state === 'queue') await putBackByName(found.context, queue.context, id, isCarried)
  await free(store, found.id, launched)
  return id
}

/** Its item is on the machine that is lost, and goes back to the queue when that comes back. */
async function releaseElsewhere(
  cluster: Cluster,
  jobID: string,
  found: FoundJob | undefined,
): Promise<undefined> {
  const { store, isCarried } = cluster
  const launches: [string, Launched][] = [...(await store.launches.list())].map(
    ([item, { value }]) => [item, value],
  )
  const launch = launches.find(([item, launched]) => launched.jobID === jobID || item === jobID)
  if (launch === undefined || !isCarried) {
    if (found === undefined) await findJobOrThrow(cluster, jobID)
    throw new FsqError('FSQ_NXQUEUE_JOB', `${jobID} is not launched: there is nothing to release`)
  }
  await free(store, ...launch)
}

async function hasEnded({ store }: Cluster, { jobID, state }: FoundJob): Promise<FsqError> {
  const ended = (await store.jobs.get(jobID))?.value.ended
  const how =
    state === 'done' ? 'was completed' : ended === 'cancelled' ? 'was cancelled' : 'has failed'
  return new FsqError('FSQ_NXQUEUE_JOB', `${jobID} ${how}: it cannot be cancelled`)
}

function wasLost({ jobID }: FoundJob): FsqError {
  return new FsqError(
    'FSQ_NXQUEUE_JOB',
    `${jobID} was running on a server that is lost, and may still be: release it first, once you know ` +
      'that it is not',
  )
}
