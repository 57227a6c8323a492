/*
 * What keeps a job from running that has nothing to do with who uses what: a time, other jobs, and names that
 * the inventory does not have.
 */
import type { ClusterState } from '../cluster-state.js'
import type { ReadyJob } from '../job.js'
import { takesAnyOf, type Need } from './need.js'
import { reasonOf, type Reason } from './reason.js'
import type { Stock } from './stock.js'

/** What of the world it depends on. */
export interface Circumstances {
  readonly stock: Stock
  readonly state: ClusterState
  /** The jobIDs of the jobs that are ready. */
  readonly ready: ReadonlySet<string>
  /** In milliseconds of the epoch. */
  readonly now: number
}

/** Whether there are any. */
export function isHindered({ job, shape: { server, volumes } }: Need, of: Circumstances): boolean {
  return (
    (job.notBefore !== undefined && job.notBefore > of.now) ||
    (job.server !== undefined && server === undefined) ||
    volumes?.length === 0 ||
    job.after.some((other) => dependency(other, of).length > 0)
  )
}

/** None: the job can run as soon as what it needs is free. */
export function obstaclesOf(need: Need, of: Circumstances): readonly Reason[] {
  const { job, shape } = need
  return [
    ...(job.notBefore !== undefined && job.notBefore > of.now ? [isEarly(job.notBefore)] : []),
    ...job.after.flatMap((other) => dependency(other, of)),
    ...(job.server !== undefined && shape.server === undefined ? [noServer(job.server)] : []),
    ...(shape.volumes?.length === 0 ? [noVolume(job, of.stock)] : []),
  ]
}

function isEarly(notBefore: number): Reason {
  return reasonOf('WaitTime', `It is to wait until ${new Date(notBefore).toISOString()}.`)
}

function dependency(other: string, { state, ready }: Circumstances): readonly Reason[] {
  const end = state.ended.get(other)
  const of = { kind: 'job', name: other } as const
  const waits = (why: string) => [reasonOf('WaitDependency', `Job ${other} ${why}.`, of)]
  if (state.launched.has(other)) return waits('was launched, and has to be completed')
  if (ready.has(other)) return waits('waits, too, and has to be completed')
  if (end === 'completed') return []
  if (end === undefined) return waits('is not known here; submit it, or cancel this one')
  const text = `Job ${other} ${end === 'failed' ? 'failed' : 'was cancelled'}: run it again, or cancel this one.`
  return [reasonOf('DependencyFailed', text, of)]
}

function noServer(name: string): Reason {
  const text = `Server ${name} is not in the inventory: add it, or submit the job for another.`
  return reasonOf('NoSuchServer', text, { kind: 'server', name })
}

function noVolume(job: ReadyJob, { groups, volumes }: Stock): Reason {
  const { volume, group } = job
  if (volume !== undefined) {
    const where = volumes.has(volume) ? `group ${group ?? ''}` : 'the inventory'
    const text = `Volume ${volume} is not in ${where}: add it, or submit the job for another.`
    return reasonOf('NoSuchVolume', text, { kind: 'volume', name: volume })
  }
  if (group === undefined || !takesAnyOf(job)) {
    const what = job.kind === 'archive' ? 'neither a volume nor a group' : 'no volume'
    return reasonOf('NoSuchVolume', `It names ${what}: submit it with one.`)
  }
  const of = { kind: 'group', name: group } as const
  return groups.has(group)
    ? reasonOf('NoRoom', `Group ${group} has no volumes: add one.`, of)
    : reasonOf('NoSuchGroup', `Group ${group} is not in the inventory: add it.`, of)
}
