/*
 * The lists of access.ts, each made when the first job needs it. A drive takes the volumes of its changer, of
 * the generations that it reads (restore) or writes (all others), and only if it is of the type that the job
 * names. `disk` is the type of what needs no drive.
 *
 * Drives that are empty come first, then those with a volume that no job waits for, then the others; among
 * these, the order of the inventory.
 */
import { AccessList, type Access } from './access.js'
import type { ReadyJob } from '../job.js'
import { takesAnyOf, type Need } from './need.js'
import { unique } from './narrow.js'
import type { DriveStock, ServerStock, Stock, VolumeStock } from './stock.js'

/** What a job names that wants no drive. */
export const disk = 'disk'

const nothing = new AccessList([])

export class AccessIndex {
  readonly #lists = new Map<string, AccessList>()
  readonly #byVolume = new Map<VolumeStock, Map<string, AccessList>>()
  readonly #byGroup = new Map<readonly VolumeStock[], Map<string, readonly AccessList[]>>()
  readonly #drives: readonly (Access & { readonly drive: DriveStock })[]
  readonly #servers: ReadonlyMap<string, ServerStock>

  constructor({ drives, servers }: Stock, jobs: readonly ReadyJob[]) {
    const isWanted = wantedBy(jobs)
    const cost = ({ loaded }: DriveStock) =>
      Number(loaded.length > 0) + Number(loaded.some(isWanted))
    const costs = new Map([...drives.values()].map((drive) => [drive, cost(drive)]))
    this.#drives = [...costs]
      .sort(([, a], [, b]) => a - b)
      .map(([drive]) => ({ drive, servers: drive.servers }))
    this.#servers = servers
  }

  /** What will do for a job, with one of its volumes, or with none. */
  of(need: Need, volume: VolumeStock | undefined): AccessList {
    if (volume === undefined)
      return this.#list(`none ${need.shape.mode}`, () => this.#ofNone(need.job))
    const lists = this.#byVolume.get(volume) ?? new Map<string, AccessList>()
    this.#byVolume.set(volume, lists)
    const list = lists.get(need.shape.mode) ?? this.#ofVolume(volume, need)
    lists.set(need.shape.mode, list)
    return list
  }

  /** All that will do for a job, with whichever of its volumes. */
  ofAny(need: Need): readonly AccessList[] {
    const { volumes, mode } = need.shape
    if (volumes === undefined || volumes.length < 2) return [this.of(need, volumes?.[0])]
    const known = this.#byGroup.get(volumes)?.get(mode)
    if (known !== undefined) return known
    const lists = unique(volumes.map((volume) => this.of(need, volume)))
    const modes = this.#byGroup.get(volumes) ?? new Map<string, readonly AccessList[]>()
    this.#byGroup.set(volumes, modes.set(mode, lists))
    return lists
  }

  #ofNone({ media }: ReadyJob): readonly Access[] {
    const needsDrive = media !== undefined && media !== disk
    if (!needsDrive) return [{ drive: undefined, servers: [...this.#servers.values()] }]
    return this.#drives.filter(({ drive }) => drive.drive.type === media)
  }

  #ofVolume(stock: VolumeStock, { job, shape: { mode } }: Need): AccessList {
    const { name, changer, generation, servers } = stock.volume
    if (changer !== undefined) {
      const key = ['tape', mode, changer, generation].join('\0')
      return this.#list(key, () => this.#drives.filter(({ drive }) => takes(drive, stock, job)))
    }
    if (job.media !== undefined && job.media !== disk) return nothing
    const reaching = servers?.flatMap((each) => this.#servers.get(each) ?? [])
    const all = reaching ?? [...this.#servers.values()]
    const key = servers === undefined ? 'disk' : ['disk', name].join('\0')
    return this.#list(key, () => [{ drive: undefined, servers: all }])
  }

  #list(key: string, make: () => readonly Access[]): AccessList {
    const list = this.#lists.get(key) ?? new AccessList(make())
    this.#lists.set(key, list)
    return list
  }
}

/** Whether a drive can handle a tape, for that job. */
function takes({ drive }: DriveStock, { volume }: VolumeStock, { kind, media }: ReadyJob): boolean {
  const generations = kind === 'restore' ? drive.reads : drive.writes
  const fits = volume.generation === undefined || generations.includes(volume.generation)
  return drive.changer === volume.changer && fits && (media === undefined || drive.type === media)
}

/** Whether one of the jobs may need a volume. */
function wantedBy(jobs: readonly ReadyJob[]): (stock: VolumeStock) => boolean {
  const names = new Set(jobs.map(({ volume }) => volume))
  const groups = new Set(jobs.filter(takesAnyOf).map(({ group }) => group))
  return ({ volume: { name, group, state } }) =>
    names.has(name) || (state === 1 && group !== undefined && groups.has(group))
}
