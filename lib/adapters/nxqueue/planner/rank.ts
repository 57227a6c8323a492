/*
 * Who comes first: the higher priority, to which a point is added for each so many seconds since the job was
 * submitted; then a job whose volume needs not be loaded; then the older; then the name of the item.
 *
 * The age counts from when the job was submitted, whatever it was told to wait for since: one that failed and
 * is tried again later has not lost it. Priorities are bounded and age is not, so that every job is once before
 * all that are submitted later.
 */
import type { ReadyJob } from '../job.js'
import { takesAnyOf } from './need.js'
import { isAtHand, roomLeft, type Stock } from './stock.js'

/** How old a job is, in seconds. */
export function ageOf({ submitted }: ReadyJob, now: number): number {
  return Math.max(0, now - submitted) / 1000
}

/** Its priority, and what its age adds. */
export function effectivePriority(job: ReadyJob, now: number, aging: number): number {
  return job.priority + Math.floor(ageOf(job, now) / aging)
}

/** The first in rank first. */
export function inRank(
  jobs: readonly ReadyJob[],
  stock: Stock,
  now: number,
  aging: number,
): readonly ReadyJob[] {
  const hasVolumeAtHand = handOf(stock)
  return jobs
    .map((job) => ({
      job,
      priority: effectivePriority(job, now, aging),
      wait: Number(!hasVolumeAtHand(job)),
    }))
    .sort(
      (a, b) =>
        b.priority - a.priority ||
        a.wait - b.wait ||
        a.job.submitted - b.job.submitted ||
        (a.job.item < b.job.item ? -1 : Number(a.job.item > b.job.item)),
    )
    .map(({ job }) => job)
}

/** Whether the volume that a job names needs not be loaded, or one of its group with room for it. */
function handOf({ volumes }: Stock): (job: ReadyJob) => boolean {
  const rooms = new Map<string, number>()
  for (const each of volumes.values()) {
    const { group, state } = each.volume
    if (group === undefined || state !== 1 || !isAtHand(each)) continue
    rooms.set(group, Math.max(rooms.get(group) ?? 0, roomLeft(each)))
  }
  return (job) => {
    if (takesAnyOf(job)) return (rooms.get(job.group ?? '') ?? -1) >= job.bytes
    const named = volumes.get(job.volume ?? '')
    return named !== undefined && isAtHand(named)
  }
}
