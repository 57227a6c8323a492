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

/** What is the same for all jobs that can do with the same. */
export interface Shape {
  /** The volumes of which one is needed, whatever state they are in; undefined: none is. */
  readonly volumes: readonly VolumeStock[] | undefined
  /** The server that it has to be; undefined: any, or there is no such server. */
  readonly server: string | undefined
  /** Which drives will do, beside those that the volume can be loaded into. */
  readonly mode: string
  /** Which servers will do. */
  readonly user: string
  /** For how many bytes, or more, there is nothing that is free, or can be kept, any more. */
  readonly vain: { free: number; turn: number }
}

/** What one job needs. */
export interface Need {
  readonly job: ReadyJob
  /** How many jobs are before it. */
  readonly rank: number
  /** How much has to be free on the volume. */
  readonly bytes: number
  readonly shape: Shape
}

/** Tells what jobs need of a stock. There are far fewer shapes than jobs, or the jobs name volumes. */
export class Needs {
  readonly #shapes = new Map<string, Shape>()

  constructor(private readonly stock: Stock) {}

  of(job: ReadyJob, rank: number): Need {
    const { kind, volume = '', group = '', media = '', server = '' } = job
    const key = `${kind}\0${volume}\0${group}\0${media}\0${server}`
    const shape = this.#shapes.get(key) ?? shapeOf(job, this.stock)
    this.#shapes.set(key, shape)
    return { job, rank, bytes: writesBytes(job) ? job.bytes : 0, shape }
  }
}

function shapeOf(job: ReadyJob, stock: Stock): Shape {
  const server = stock.servers.has(job.server ?? '') ? job.server : undefined
  const mode = `${job.kind === 'restore' ? 'r' : 'w'} ${job.media ?? ''}`
  const user = `${job.kind} ${server ?? ''}`
  const vain = { free: Infinity, turn: Infinity }
  return { volumes: volumesOf(job, stock), server, mode, user, vain }
}

function volumesOf(job: ReadyJob, stock: Stock): readonly VolumeStock[] | undefined {
  if (job.volume !== undefined) {
    const named = stock.volumes.get(job.volume)
    const isMember = job.group === undefined || named?.volume.group === job.group
    return named !== undefined && isMember ? [named] : []
  }
  if (takesAnyOf(job)) return stock.groups.membersOf(job.group ?? '')
  return job.kind === 'other' ? undefined : []
}

/** Whether any volume of its group will do. */
export function takesAnyOf(job: ReadyJob): boolean {
  return job.volume === undefined && job.group !== undefined && writesBytes(job)
}

function writesBytes({ kind }: ReadyJob): boolean {
  return kind === 'archive' || kind === 'other'
}
