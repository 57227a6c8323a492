import { FsqError } from '../../errors.js'
import { batchesOf } from '../../batches.js'
import type { Root } from '../../root/root.js'
import type { Cluster } from './cluster.js'
import { JobQueues } from './job-queues.js'
import { type Job, parseJob } from './job.js'
import { isBlank, linesOf } from './lines.js'
import { UnfinishedFile } from './put-back.js'
import { makeQueueFileName } from './queue-file-name.js'

/*
 * Adding jobs, `queue -e`. A last line without its end is none: whoever was to write it may have been killed in
 * the middle of it, and a job with half a number would be another job.
 */

type Source = AsyncIterable<Uint8Array>

/**
 * Adds the jobs in lines as work-items, synced, as they come.
 *
 * @throws `FsqError` `FSQ_BATCH` for a last line without its end, or one that is too long; those before it are in then.
 */
export async function addItems(
  root: Root,
  cluster: Cluster,
  source: Source,
  onOpaque: (number: number) => void,
): Promise<number> {
  const queues = new JobQueues(root, cluster)
  let added = 0
  for await (const batch of batchesOf(jobsIn(source), 256)) {
    const date = new Date()
    for (const { job, number } of batch) if (job.type === 'opaque') onOpaque(number)
    await queues.add(
      batch.map(({ job, number }) => ({ job, origin: { date, number, source: process.pid } })),
    )
    added += batch.length
  }
  return added
}

/**
 * Adds the jobs in lines as a queue file, once all of them have come. Without lines there is none.
 *
 * @throws `FsqError` `FSQ_BATCH` for a last line without its end, or one that is too long; nothing is added then.
 */
export async function addFile(
  { paths: { queue } }: Cluster,
  source: Source,
  onOpaque: (number: number) => void,
): Promise<number> {
  const file = new UnfinishedFile(queue)
  let added = 0
  try {
    for await (const { job, number } of jobsIn(source)) {
      if (job.type === 'opaque') onOpaque(number)
      await file.write(Buffer.concat([job.line, Buffer.from('\n')]))
      added++
    }
    if (added === 0) return 0
    const date = new Date()
    await file.finish({ date })
    await file.nameLike(makeQueueFileName('queue', date))
    return added
  } finally {
    file.discard()
  }
}

async function* jobsIn(
  source: Source,
): AsyncGenerator<{ readonly job: Job; readonly number: number }> {
  try {
    for await (const { bytes, number, complete } of linesOf(source)) {
      if (!complete)
        throw new FsqError('FSQ_BATCH', `line ${number} has no end: it may be cut off; not added`)
      if (!isBlank(bytes)) yield { job: parseJob(bytes), number }
    }
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new FsqError('FSQ_BATCH', `${cause.message}; not added`, { cause })
  }
}
