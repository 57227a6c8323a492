import { FsqError } from '../../errors.js'
import { claimByName } from '../../queue/claim.js'
import type { QueueContext } from '../../queue/context.js'
import type { Item } from '../../queue/item.js'
import { requeueEntry } from '../../queue/requeue.js'
import type { Cluster } from './cluster.js'
import { entryOf, findJob, type FoundJob, type KnownJob, knownJob } from './find-job.js'
import { presentServers } from './present-servers.js'
import { putBackByName } from './put-back.js'
import { free, type JobRecord, type Launched, launchOf, type Store, update } from './store.js'
import { unlessElsewhere } from './unless-elsewhere.js'

/*
 * What an operator does to a job. Each is done under the lock of its item, so that nobody launches or
 * executes it meanwhile; a crash leaves the job where it was, or where it goes, and what it may have
 * claimed is freed by the next pass.
 */

/** What became of a job that was to be cancelled. */
export type Cancelled =
  /** It had not begun, and is in fail/. */
  | 'cancelled'
  /** It runs, or is on another machine: who has it was told to end it. */
  | 'ending'

/**
 * Cancels a job, on whichever machine it is: one that waits, or is launched, fails; one that runs is ended by its
 * server, and fails. One that is held ends when its server is back.
 *
 * @param jobID - or the name of its item, where that is here
 * @throws `FsqError` `FSQ_NO_ITEM`; `FSQ_NXQUEUE_JOB` where it has ended, or is held here
 */
export async function cancelJob(cluster: Cluster, jobID: string): Promise<Cancelled> {
  const { store } = cluster
  const known = await knownJob(cluster, jobID)
  const { found, isElsewhere } = known
  if (found?.state === 'queue') {
    const { context, id } = found
    const cancelled = await unlessElsewhere(cancelWaiting(store, context, id, found.jobID))
    if (cancelled !== 'gone') return 'cancelled'
  } else if (!isElsewhere) throw hasEnded(known)
  await tellToEnd(cluster, known)
  return 'ending'
}

/**
 * Cancels a job that waits, or is launched and has not begun: it fails, and what it had is free.
 *
 * @param context - of the queue that its item is in
 * @throws `FsqError` `FSQ_ITEM_LOCKED` where somebody works on it, `FSQ_NO_ITEM` where it is gone; `FSQ_NXQUEUE_JOB` for
 * one that was running on a server that is lost; `FSQ_FINISH`; what the store throws
 */
export async function cancelWaiting(
  store: Store,
  context: QueueContext,
  id: string,
  jobID: string,
): Promise<void> {
  using item = claimByName(context, id)
  const launched = await launchOf(store, id)
  if (context.host !== undefined && launched?.run !== undefined) throw wasLost(jobID)
  await item.failPerm() // First: a job that is recorded as cancelled must not run later.
  const at = context.clock.now()
  await update(store.jobs, jobID, (): JobRecord => ({ ended: 'cancelled', at }))
  await free(store, id, launched)
}

/** Who has it watches its record. */
async function tellToEnd({ store, queue }: Cluster, known: KnownJob): Promise<void> {
  const at = queue.context.clock.now()
  let ended: JobRecord | undefined
  await update(store.jobs, known.jobID, (record): JobRecord => {
    ended = record?.ended === undefined ? undefined : record
    return ended ?? { ...record, cancel: true, at }
  })
  if (ended !== undefined) throw hasEnded({ ...known, record: ended })
}

/**
 * Lets a job run again that has ended, as if it had just been submitted but with its age.
 *
 * @returns the name of its item.
 * @throws `FsqError` `FSQ_NO_ITEM`; `FSQ_NXQUEUE_JOB` where it has not ended
 */
export async function runAgain(cluster: Cluster, jobID: string): Promise<string> {
  const { store, queue, isCarried } = cluster
  const { found, isElsewhere } = await knownJob(cluster, jobID)
  if (found?.state === 'queue' || isElsewhere)
    throw new FsqError(
      'FSQ_NXQUEUE_JOB',
      `${found?.jobID ?? jobID} has not ended: it waits, or runs`,
    )
  if (found === undefined)
    throw new FsqError(
      'FSQ_NXQUEUE_JOB',
      `${jobID} has ended on another machine: run it again there`,
    )
  const { context, state } = found
  const at = queue.context.clock.now()
  let ended: JobRecord | undefined
  const revision = await update(store.jobs, found.jobID, (record): JobRecord => {
    ended = record
    return { at }
  })
  // What was carried under its name once would be known elsewhere, and not be carried again.
  const requeued = requeueEntry(context, state, entryOf(found), { fresh: isCarried })
  const id = await requeued.catch(async (error: unknown) => {
    // It does not run again; unless somebody else sees to that, who has changed the record, too.
    if (ended !== undefined)
      await store.jobs.replace(found.jobID, ended, revision).catch(() => undefined)
    throw error
  })
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
 * @throws `FsqError` `FSQ_NO_ITEM`; `FSQ_NXQUEUE_JOB` where it is not launched, or its server is at work on another
 * machine; `FSQ_ITEM_LOCKED` where it certainly runs
 */
export async function releaseJob(cluster: Cluster, jobID: string): Promise<string | undefined> {
  const { store, queue, isCarried } = cluster
  const found = await findJob(cluster, jobID)
  if (found?.state !== 'queue' || found.context.host === undefined)
    return releaseElsewhere(cluster, jobID)
  const launched = await launchOf(store, found.id)
  using item = claimLost(found)
  const { id, state } = await item.failTmp({ maxTries: 0 })
  if (state === 'queue') await putBackByName(found.context, queue.context, id, isCarried)
  await free(store, found.id, launched)
  return id
}

/** @throws `FsqError` `FSQ_ITEM_LOCKED` where it runs: the lock is that of its program. */
function claimLost({ context, id, jobID }: FoundJob): Item {
  try {
    return claimByName(context, id)
  } catch (cause) {
    if (!(cause instanceof FsqError && cause.code === 'FSQ_ITEM_LOCKED')) throw cause
    const message = `${jobID} runs, and is not lost: "fsq nxqueue cancel ${jobID}" ends it`
    throw new FsqError('FSQ_ITEM_LOCKED', message, { queue: context.name, id, cause })
  }
}

/** Its item is on the machine that is lost, and goes back to the queue when that comes back. */
async function releaseElsewhere(cluster: Cluster, jobID: string): Promise<undefined> {
  const { store, isCarried } = cluster
  const launches: [string, Launched][] = [...(await store.launches.list())].map(
    ([item, { value }]) => [item, value],
  )
  const launch = launches.find(([item, launched]) => launched.jobID === jobID || item === jobID)
  if (launch === undefined || !isCarried) {
    await knownJob(cluster, jobID)
    throw new FsqError('FSQ_NXQUEUE_JOB', `${jobID} is not launched: there is nothing to release`)
  }
  const [, { server }] = launch
  // Its lock is not seen from here.
  if ((await presentServers(cluster)).has(server))
    throw new FsqError(
      'FSQ_NXQUEUE_JOB',
      `${jobID} is at ${server}, which is at work, and is not lost: "fsq nxqueue cancel ${jobID}" ends it`,
    )
  await free(store, ...launch)
}

function hasEnded({ jobID, found, record }: KnownJob): FsqError {
  const how = howEnded[record?.ended ?? (found?.state === 'done' ? 'completed' : 'failed')]
  return new FsqError('FSQ_NXQUEUE_JOB', `${jobID} ${how}: it cannot be cancelled`)
}

const howEnded = {
  completed: 'was completed',
  failed: 'has failed',
  cancelled: 'was cancelled',
} as const

function wasLost(jobID: string): FsqError {
  return new FsqError(
    'FSQ_NXQUEUE_JOB',
    `${jobID} was running on a server that is lost, and may still be: release it first, once you know ` +
      'that it is not',
  )
}
