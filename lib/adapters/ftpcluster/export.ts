import { FsqError } from '../../errors.js'
import { syncDirectory } from '../../posix/directory-sync.js'
import type { Item } from '../../queue/item.js'
import type { Root } from '../../root/root.js'
import { isAside, nameOfAside } from './aside.js'
import { type Cluster, openCluster } from './cluster.js'
import { bodyOf } from './job-items.js'
import type { Job } from './job.js'
import { putBack, sweepUnfinished, UnfinishedFile } from './put-back.js'
import { clusterError, listQueueFiles } from './queue-files.js'
import { jobTypes, makeQueueFileName } from './queue-file-name.js'
import { lockQueue, type QueueLockOptions } from './queue-lock.js'
import { claimJob, queuedJobs } from './queued-jobs.js'

/*
 * Export: work-items become lines of queue files again, for a cluster whose own programs go on.
 *
 *   1. take the lock; files that an import set aside are queue files again   a lock that is stale
 *   2. claim some items                                                      the same
 *   3. write their lines to files, synced, under hidden names                hidden files, swept by the next
 *   4. give these the names of queue files, and sync .queue                  the jobs are both
 *   5. the items are done                                                    the jobs are lines
 *
 * Killed between 4 and 5, jobs are there twice: the programs of the cluster drop the second by size and mtime.
 * The age of a job is in the name of its file, so each second has its own.
 */

/** What an export tells as it goes. */
export type ExportEvent =
  | {
      /** A queue file was written. */
      readonly type: 'exported'
      /** Its name. */
      readonly file: string
      /** How many lines it has. */
      readonly jobs: number
    }
  | {
      /** An item was left as it is. */
      readonly type: 'left'
      /** Its queue. */
      readonly queue: string
      /** Its name. */
      readonly id: string
      /** Why. */
      readonly reason: string
    }
  | {
      /** A lock was taken over or broken. */
      readonly type: 'lock'
      /** Which, in words. */
      readonly message: string
    }

/** How an export is made. */
export interface ExportOptions extends Pick<QueueLockOptions, 'breakLock'> {
  /** The name of the cluster in its items. @defaultValue the last part of the path of its home */
  readonly name?: string
  /** Is told of each file, and of each item that was left. */
  readonly onEvent?: (event: ExportEvent) => void
  /** Ends the export, with the signal's reason. */
  readonly signal?: AbortSignal
}

/** What an export came to. */
export interface ExportResult {
  /** How many queue files were written. */
  readonly files: number
  /** How many lines they have. */
  readonly jobs: number
  /** How many items were left as they are. */
  readonly left: number
}

/**
 * Turns the work-items of an ftpcluster into lines of queue files, also those that wait for their time or whose
 * queue is down. What somebody is working on is left. A job that waits in several host queues is one line.
 *
 * @param root - where the queues are
 * @param home - the home of the cluster
 * @throws `FsqError` `FSQ_CLUSTER`, `FSQ_CLUSTER_LOCKED`, `FSQ_NO_ROOT`, `FSQ_SCAN`, `FSQ_FINISH`: no job
 * is lost then, some may be there as an item and as a line.
 */
export async function exportCluster(
  root: Root,
  home: string,
  options: ExportOptions = {},
): Promise<ExportResult> {
  const { signal } = options
  signal?.throwIfAborted()
  const cluster = openCluster(home, options)
  const { queue } = cluster.paths
  const result = { files: 0, jobs: 0, left: 0 }
  const tell = (event: ExportEvent): void => {
    if (event.type === 'left') result.left++
    if (event.type === 'exported') {
      result.files++
      result.jobs += event.jobs
    }
    options.onEvent?.(event)
  }
  const lock = await lockQueue(cluster, {
    breakLock: options.breakLock === true,
    onMessage: (message) => {
      tell({ type: 'lock', message })
    },
  })
  let batch: Claimed[] = []
  try {
    sweepUnfinished(queue)
    for (const name of listQueueFiles(cluster).filter(isAside))
      await putBack(queue, name, nameOfAside(name))
    const left = (skipped: { queue: string; id: string; reason: string }): void => {
      tell({ type: 'left', ...skipped })
    }
    for await (const each of queuedJobs(root, cluster, [...jobTypes, 'opaque'], left)) {
      signal?.throwIfAborted()
      const claim = claimJob(each)
      if ('reason' in claim) {
        const [place] = each.places
        left({ queue: place?.queue.name ?? '', id: each.id, reason: claim.reason })
        continue
      }
      batch.push({ job: each.job, date: each.date, items: claim })
      if (batch.length < batchSize) continue
      await writeBatch(cluster, batch, tell)
      batch = []
    }
    await writeBatch(cluster, batch, tell)
    return result
  } catch (error) {
    throw clusterError(`cannot export to ${queue}`, queue, error)
  } finally {
    for (const { items } of batch) for (const item of items) item.close()
    lock[Symbol.dispose]()
  }
}

/** So many items are claimed at a time: each is an open file. */
const batchSize = 500

/** How the name of a queue file begins, by the type of its jobs: for the processors that take those. */
const prefixes: Readonly<Record<Job['type'], string>> = {
  upload: 'uploads',
  store: 'store',
  replicate: 'replicate',
  remove: 'remove',
  opaque: 'opaque',
}

/** A job, and the items that it is. */
interface Claimed {
  readonly job: Job
  readonly date: Date
  readonly items: readonly Item[]
}

/** Writes jobs to files, one for each type and second, and finishes their items. */
async function writeBatch(
  cluster: Cluster,
  batch: readonly Claimed[],
  tell: (event: ExportEvent) => void,
): Promise<void> {
  const { queue } = cluster.paths
  const groups = new Map<string, Claimed[]>()
  for (const each of batch) {
    const key = `${each.job.type} ${Math.floor(each.date.getTime() / 1000)}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [each])
    else group.push(each)
  }
  if (groups.size === 0) return
  const written = await Promise.all([...groups.values()].map((group) => writeFile(queue, group)))
  await syncDirectory(queue)
  for (const event of written) tell(event)
  const ended = await Promise.allSettled(
    batch.flatMap(({ items }) => items.map((item) => item.success())),
  )
  for (const { items } of batch) for (const item of items) item.close()
  for (const each of ended)
    if (each.status === 'rejected' && !isGone(each.reason)) throw each.reason
}

/** Somebody has finished it although it was locked: it is a line now all the same. */
function isGone(error: unknown): boolean {
  return error instanceof FsqError && error.code === 'FSQ_NO_ITEM'
}

async function writeFile(queue: string, group: readonly Claimed[]): Promise<ExportEvent> {
  const [{ job, date } = undefined as never] = group
  const file = new UnfinishedFile(queue)
  try {
    await file.write(Buffer.concat(group.map((each) => bodyOf(each.job))))
    await file.finish({ date })
    for (;;) {
      const name = makeQueueFileName(prefixes[job.type], date)
      if (file.nameAs(name)) return { type: 'exported', file: name, jobs: group.length }
    }
  } finally {
    file.discard()
  }
}
