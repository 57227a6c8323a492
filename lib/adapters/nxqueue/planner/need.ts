/*
 * What a job needs, worked out of what it says of itself.
 *
 * - restore, format: the volume that it names.
 * - archive: the volume that it names, or any of its group with room.
 * - other: nothing but a server, unless it names a volume or a group, as archive does, or a type of drive.
 * - One that names a volume and a group: the volume has to be in the group.
 *
 * Only archive and other write so many bytes as they say, and reserve them. All but restore need a drive that
 * writes.
 */
import type { ReadyJob } from '../job.js'
import type { Stock, VolumeStock } from './stock.js'

/** See above. */
export interface Need {
  readonly job: ReadyJob
  /** How many jobs are before it. */
  readonly rank: number
  /** The volumes of which it needs one, whatever state they are in; undefined: it needs none. */
  readonly volumes: readonly VolumeStock[] | undefined
  /** How much has to be free on the volume. */
  readonly bytes: number
  /** The server that it has to be; undefined: any, or there is no such server. */
  readonly server: string | undefined
  /** Which drives will do, beside those that its volume can be loaded into. */
  readonly mode: string
  /** Which servers will do. */
  readonly user: string
}

export function needOf(job: ReadyJob, rank: number, stock: Stock): Need {
  const bytes = writesBytes(job) ? job.bytes : 0
  const server = stock.servers.has(job.server ?? '') ? job.server : undefined
  const mode = `${job.kind === 'restore' ? 'r' : 'w'} ${job.media ?? ''}`
  const user = `${job.kind} ${server ?? ''}`
  return { job, rank, volumes: volumesOf(job, stock), bytes, server, mode, user }
}

function volumesOf(job: ReadyJob, stock: Stock): readonly VolumeStock[] | undefined {
  if (job.volume !== undefined) {
    const named = stock.volumes.get(job.volume)
    const isMember = job.group === undefined || named?.volume.group === job.group
    return named !== undefined && isMember ? [named] : []
  }
  if (takesAnyOf(job)) return stock.groups.get(job.group ?? '') ?? []
  return job.kind === 'other' ? undefined : []
}

/** Whether any volume of its group will do. */
export function takesAnyOf(job: ReadyJob): boolean {
  return job.volume === undefined && job.group !== undefined && writesBytes(job)
}

function writesBytes({ kind }: ReadyJob): boolean {
  return kind === 'archive' || kind === 'other'
}

/** Jobs for which this is equal can do with the same, but for how many bytes they write. */
export function shapeOf({ kind, volume, group, media, server }: ReadyJob): string {
  return [kind, volume, group, media, server].join('\0')
}
