import type { JobTime } from './job.js'
import type { QueuedJob } from './jobs-directory.js'

/** In which order jobs are run: `sequence` without gaps by their numbers, or `timestamp` by their times. */
export type JobOrder = 'sequence' | 'timestamp'

/** The jobs of each number. */
export function groupBySequence(jobs: readonly QueuedJob[]): Map<bigint, QueuedJob[]> {
  const groups = new Map<bigint, QueuedJob[]>()
  for (const job of jobs) {
    const group = groups.get(job.job.sequence)
    if (group === undefined) groups.set(job.job.sequence, [job])
    else group.push(job)
  }
  return groups
}

/** Compares jobs by their times; those of one time by their names. */
export function byTime(one: QueuedJob, other: QueuedJob): number {
  return compareTimes(one.job.created, other.job.created) || (one.entry < other.entry ? -1 : 1)
}

function compareTimes(one: JobTime, other: JobTime): number {
  if (one.seconds !== other.seconds) return one.seconds < other.seconds ? -1 : 1
  return one.nanoseconds - other.nanoseconds
}
