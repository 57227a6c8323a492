import { FsqError } from '../../errors.js'
import { syncDirectory } from '../../posix/directory-sync.js'
import { close, isSameFile, readPieces, statFile } from '../../posix/files.js'
import { removeIfThere, statEntry } from '../../posix/names.js'
import { entryPath } from '../../posix/path.js'
import type { Item } from '../../queue/item.js'
import type { Root } from '../../root/root.js'
import { dateOfAside, isAside, nameOfAside } from './aside.js'
import { choosesJobs, typesOf } from './choose-jobs.js'
import type { Cluster } from './cluster.js'
import { type Job, parseJob } from './job.js'
import { isBlank, linesOf } from './lines.js'
import { putBack, sweepUnfinished, UnfinishedFile } from './put-back.js'
import { clusterError, listQueueFiles, openQueueFile, type SkippedFile } from './queue-files.js'
import { lockQueue, type QueueLockOptions } from './queue-lock.js'
import { claimJob, queuedJobs, type SkippedItem } from './queued-jobs.js'
import { setAside } from './set-aside.js'
import { busy, NotOurs, Watch } from './watch.js'

/*
 * Taking jobs out, `queue -d`: they are handed over first, as by printing them, and removed only once that has
 * succeeded. Whoever is killed between the two hands them over again the next time.
 */

/** A job that is taken, and the name of the file or the item that it is in: a byte string. */
export interface TakenJob {
  readonly name: string
  readonly job: Job
}

/** What takes jobs over; once it returns they are removed. */
export type HandOver = (jobs: readonly TakenJob[]) => Promise<void>

/** So many jobs are handed over at a time. */
const batchSize = 500

/**
 * Takes the work-items that a word means, but those that somebody is working on.
 *
 * @throws what `handOver` throws; nothing that it was given then is removed.
 */
export async function takeItems(
  root: Root,
  cluster: Cluster,
  word: string,
  handOver: HandOver,
  onSkipped: (skipped: SkippedItem) => void,
): Promise<void> {
  const chosen = choosesJobs(word)
  let batch: (TakenJob & { readonly items: readonly Item[] })[] = []
  const flush = async (): Promise<void> => {
    await handOver(batch)
    const items = batch.flatMap((each) => each.items)
    const ended = await Promise.allSettled(items.map((item) => item.success()))
    for (const each of ended) {
      const isGone = (error: unknown): boolean =>
        error instanceof FsqError && error.code === 'FSQ_NO_ITEM'
      if (each.status === 'rejected' && !isGone(each.reason)) throw each.reason
    }
    batch = []
  }
  try {
    for await (const each of queuedJobs(root, cluster, typesOf(word), onSkipped)) {
      if (!chosen(each.job)) continue
      const claim = claimJob(each)
      const { id, job } = each
      if ('reason' in claim) {
        onSkipped({ queue: each.places[0]?.queue.name ?? '', id, reason: claim.reason })
        continue
      }
      batch.push({ name: Buffer.from(id).toString('latin1'), job, items: claim })
      if (batch.length === batchSize) await flush()
    }
    await flush()
  } finally {
    for (const { items } of batch) for (const item of items) item.close()
  }
}

/**
 * Takes the jobs that a word means out of the queue files, under the lock of the queue. Other lines stay in files
 * of the same names. A file to which somebody writes is left.
 *
 * @throws what `handOver` throws; nothing that it was given of that file is removed then. `FsqError`
 * `FSQ_CLUSTER_LOCKED`, `FSQ_CLUSTER`.
 */
export async function takeFromFiles(
  cluster: Cluster,
  word: string,
  handOver: HandOver,
  onSkipped: (skipped: SkippedFile) => void,
  options: QueueLockOptions = {},
): Promise<void> {
  const lock = await lockQueue(cluster, options)
  const { queue } = cluster.paths
  try {
    sweepUnfinished(queue)
    for (const name of listQueueFiles(cluster)) {
      const reason = await takeFromFile(cluster, name, word, handOver).catch((error: unknown) => {
        if (error instanceof RangeError || error instanceof NotOurs) return error.message
        throw clusterError(`cannot take from ${name}`, `${queue}/${name}`, error)
      })
      if (reason !== undefined) onSkipped({ file: originalName(name), reason })
    }
  } finally {
    lock[Symbol.dispose]()
  }
}

function originalName(name: string): string {
  return isAside(name) ? nameOfAside(name) : name
}

/** Takes jobs out of a file; why not, where it is left. */
async function takeFromFile(
  cluster: Cluster,
  name: string,
  word: string,
  handOver: HandOver,
): Promise<string | undefined> {
  const fd = openQueueFile(cluster, name)
  if (fd === undefined) return undefined
  if (typeof fd === 'object') return fd.reason
  const { queue } = cluster.paths
  const watch = new Watch(fd)
  let aside: string | undefined
  try {
    if (!isAside(name) && !(await hasJobs(fd, word))) return undefined
    if (!watch.begin()) return busy
    aside = isAside(name) ? name : await setAside(cluster, name, fd)
    if (aside === undefined) return 'another took its name'
    if (watch.isBroken() && !(await watch.beginAgain())) return busy
    const seen = await separate(queue, fd, aside, word, handOver)
    // Whoever had found the file before it was renamed may have written to it since.
    while (watch.isBroken() || statFile(fd).size !== seen.size) {
      if (!(await watch.beginAgain())) continue
      await keep(queue, fd, seen.size, aside)
      seen.size = statFile(fd).size
    }
    return undefined
  } finally {
    watch.end()
    close(fd)
    if (aside !== undefined && statEntry(entryPath(queue, aside)) !== undefined)
      await putBack(queue, aside, nameOfAside(aside))
  }
}

async function hasJobs(fd: number, word: string): Promise<boolean> {
  const chosen = choosesJobs(word)
  let has = false
  // To its end, so that a line that is too long is seen before anything is changed.
  for await (const { bytes, complete } of linesOf(readPieces(fd, 0)))
    has ||= complete && !isBlank(bytes) && chosen(parseJob(bytes))
  return has
}

/** Hands over the jobs of a file, and leaves the other lines in it; up to where it was read. */
async function separate(
  queue: string,
  fd: number,
  aside: string,
  word: string,
  handOver: HandOver,
): Promise<{ size: number }> {
  const chosen = choosesJobs(word)
  const others = new UnfinishedFile(queue)
  const name = nameOfAside(aside)
  let batch: TakenJob[] = []
  let [size, kept] = [0, 0]
  try {
    for await (const { bytes, offset, complete } of linesOf(readPieces(fd, 0))) {
      size = offset + bytes.length + (complete ? 1 : 0)
      const job = complete && !isBlank(bytes) ? parseJob(bytes) : undefined
      if (job !== undefined && chosen(job)) {
        batch.push({ name, job })
        if (batch.length < batchSize) continue
        await handOver(batch)
        batch = []
      } else {
        await others.write(Buffer.concat([bytes, Buffer.from(complete ? '\n' : '')]))
        kept++
      }
    }
    await handOver(batch)
    if (kept > 0) {
      await others.finish({ stat: statFile(fd), date: dateOfAside(aside) })
      await others.replace(aside)
    } else if (isSameFile(fd, entryPath(queue, aside))) {
      removeIfThere(entryPath(queue, aside))
      await syncDirectory(queue)
    }
    return { size }
  } finally {
    others.discard()
  }
}

/** Makes what is behind a place in a file a queue file. */
async function keep(queue: string, fd: number, from: number, aside: string): Promise<void> {
  if (statFile(fd).size <= from) return
  const file = new UnfinishedFile(queue)
  try {
    for await (const piece of readPieces(fd, from)) await file.write(piece)
    await file.finish({ stat: statFile(fd), date: dateOfAside(aside) })
    await file.nameLike(nameOfAside(aside))
  } finally {
    file.discard()
  }
}
