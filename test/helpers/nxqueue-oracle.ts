// What may be launched, as the rules say, without regard to time: every volume, drive and server is tried. It
// shares nothing with the planner but the types.
import type { ClusterState } from '../../lib/adapters/nxqueue/cluster-state.js'
import type { Drive, Inventory, Server, Volume } from '../../lib/adapters/nxqueue/inventory.js'
import type { ReadyJob } from '../../lib/adapters/nxqueue/job.js'

/** All that a job has, or could have. */
export interface Use {
  readonly item: string
  readonly volume: string | undefined
  readonly drive: string | undefined
  /** Another drive, which the volume is in. */
  readonly from: string | undefined
  readonly server: string
  readonly bytes: number
}

export interface World {
  readonly inventory: Inventory
  readonly state: ClusterState
  readonly now: number
}

/** Who has what by the claims. */
export function usesOf({ claims }: ClusterState): readonly Use[] {
  const items = [...new Set(claims.map(({ item }) => item))]
  return items.map((item) => {
    const own = claims.filter((claim) => claim.item === item)
    const nameOf = (kind: string) => own.find((each) => each.resource.kind === kind)?.resource.name
    // Those that the situations begin with unload nothing.
    const [first] = own
    return {
      item,
      volume: nameOf('volume'),
      drive: nameOf('drive'),
      from: undefined,
      server: nameOf('server') ?? '',
      bytes: first?.bytes ?? 0,
    }
  })
}

/** Whether somebody has a drive, be it to unload it. */
export const isDriveInUse = (name: string, uses: readonly Use[]) =>
  uses.some(({ drive, from }) => drive === name || from === name)

export const isTape = (volume: Volume) => volume.changer !== undefined

const writes = ({ kind }: ReadyJob) => kind === 'archive' || kind === 'other'

export const bytesOf = (job: ReadyJob) => (writes(job) ? job.bytes : 0)

/** The volumes that a job could mean. */
export function meant(job: ReadyJob, { volumes }: Inventory): readonly Volume[] {
  return volumes.filter(({ name, group }) => {
    if (job.volume !== undefined && name !== job.volume) return false
    if (job.group !== undefined && group !== job.group) return false
    return job.volume !== undefined || (job.group !== undefined && writes(job))
  })
}

export function needsVolume(job: ReadyJob): boolean {
  return job.kind !== 'other' || job.volume !== undefined || job.group !== undefined
}

export function isStateGood({ state }: Volume, { kind }: ReadyJob): boolean {
  return kind === 'restore' ? state === 1 || state === 2 : state === 1
}

/** Whether a drive can handle a volume for a job; disabled or not. */
export function handles(drive: Drive, volume: Volume | undefined, job: ReadyJob): boolean {
  if (job.media !== undefined && drive.type !== job.media) return false
  if (volume === undefined) return job.media !== undefined
  const { changer, generation } = volume
  const generations = job.kind === 'restore' ? drive.reads : drive.writes
  return drive.changer === changer && generation !== undefined && generations.includes(generation)
}

/** Whether a server would do such a job if it had a place. */
export function does({ name }: Server, job: ReadyJob, { state }: World): boolean {
  const now = state.servers.get(name)
  if (now === undefined || !now.present || now.disabled) return false
  return now.kinds.includes(job.kind) && (job.server === undefined || job.server === name)
}

export function sees(
  server: string,
  volume: Volume | undefined,
  drive: Drive | undefined,
): boolean {
  if (drive !== undefined) return drive.servers.includes(server)
  return volume?.servers === undefined || volume.servers.includes(server)
}

/** Whether it waits for nothing but resources. */
export function isDue(job: ReadyJob, jobs: readonly ReadyJob[], { state, now }: World): boolean {
  const isDone = (other: string) =>
    state.ended.get(other) === 'completed' &&
    !state.launched.has(other) &&
    !jobs.some(({ jobID }) => jobID === other)
  return (job.notBefore ?? 0) <= now && job.after.every(isDone)
}

/** All that a job could have if nobody used anything: the rules of state, group, type, changer, generation. */
export function combinations(job: ReadyJob, world: World): readonly Use[] {
  const { inventory } = world
  const good = meant(job, inventory).filter((volume) => isStateGood(volume, job))
  const volumes = needsVolume(job) ? good : [undefined]
  return volumes.flatMap((volume) =>
    drivesFor(volume, job, inventory).flatMap((drive) =>
      inventory.servers
        .filter((server) => does(server, job, world) && sees(server.name, volume, drive))
        .map((server) => ({
          item: job.item,
          volume: volume?.name,
          drive: drive?.name,
          from: leftBy(volume, drive, world),
          server: server.name,
          bytes: volume === undefined ? 0 : bytesOf(job),
        })),
    ),
  )
}

/** The drive that a volume is in, if it is to be used in another. */
function leftBy(volume: Volume | undefined, drive: Drive | undefined, world: World) {
  const mounted = volume && mountedOf(volume, world)
  return mounted === drive?.name ? undefined : mounted
}

function drivesFor(
  volume: Volume | undefined,
  job: ReadyJob,
  { drives }: Inventory,
): readonly (Drive | undefined)[] {
  const needsDrive =
    volume === undefined ? job.media !== undefined && job.media !== 'disk' : isTape(volume)
  if (!needsDrive) return job.media === undefined || job.media === 'disk' ? [undefined] : []
  return drives.filter((drive) => drive.enabled && handles(drive, volume, job))
}

export const placesOf = (volume: Volume) => (isTape(volume) ? 1 : volume.jobs)

export const usedOf = ({ name, used }: Volume, { state }: World) =>
  state.volumes.get(name)?.used ?? used

/** The drive that a volume is in. */
export function mountedOf(volume: Volume, { state, inventory }: World): string | undefined {
  const seen = state.volumes.get(volume.name)
  if (seen !== undefined) return seen.mounted
  const { mounted } = volume
  const others = inventory.volumes.filter(
    ({ name }) => state.volumes.get(name)?.mounted === mounted,
  )
  return others.length > 0 ? undefined : mounted
}

export function roomOf(volume: Volume, uses: readonly Use[], world: World): number {
  const writers = uses.filter((use) => use.volume === volume.name)
  return writers.reduce((room, { bytes }) => room - bytes, volume.capacity - usedOf(volume, world))
}

/** Whether nobody uses the volume, and it is in no drive from which it cannot be taken. */
export function isVolumeFree(volume: Volume, uses: readonly Use[], world: World): boolean {
  if (uses.filter((use) => use.volume === volume.name).length >= placesOf(volume)) return false
  const mounted = mountedOf(volume, world)
  return mounted === undefined || isDriveIdle(mounted, uses, world)
}

/** Whether a drive can be told to give its volume back. */
function isDriveIdle(name: string, uses: readonly Use[], { inventory, state }: World): boolean {
  const drive = inventory.drives.find((each) => each.name === name)
  if (drive?.enabled !== true || isDriveInUse(name, uses)) return false
  return drive.servers.some((server) => {
    const now = state.servers.get(server)
    return now?.present === true && !now.disabled
  })
}

export function isServerFree({ name, slots }: Server, uses: readonly Use[]): boolean {
  return uses.filter((use) => use.server === name).length < slots
}

/** What of that a job could have beside those. */
export function free(job: ReadyJob, uses: readonly Use[], world: World): readonly Use[] {
  const { volumes, servers } = world.inventory
  return combinations(job, world).filter((use) => {
    const volume = volumes.find(({ name }) => name === use.volume)
    const server = servers.find(({ name }) => name === use.server)
    if (use.drive !== undefined && isDriveInUse(use.drive, uses)) return false
    if (server === undefined || !isServerFree(server, uses)) return false
    if (volume === undefined) return true
    const hasRoom = use.bytes === 0 || roomOf(volume, uses, world) >= use.bytes
    return hasRoom && isVolumeFree(volume, uses, world)
  })
}

/** The jobs in the order of who comes first. */
export function ranked(
  jobs: readonly ReadyJob[],
  world: World,
  aging: number,
): readonly ReadyJob[] {
  const uses = usesOf(world.state)
  const isAtHand = (volume: Volume) => {
    const mounted = mountedOf(volume, world)
    return !isTape(volume) || (mounted !== undefined && isDriveIdle(mounted, uses, world))
  }
  const isForAny = (volume: Volume, job: ReadyJob) =>
    volume.state === 1 && roomOf(volume, uses, world) >= job.bytes
  const key = (job: ReadyJob) => {
    const points = Math.floor((world.now - job.submitted) / 1000 / aging)
    const hasAtHand = meant(job, world.inventory).some(
      (volume) => isAtHand(volume) && (job.volume !== undefined || isForAny(volume, job)),
    )
    return [-(job.priority + points), hasAtHand ? 0 : 1, job.submitted]
  }
  return [...jobs].sort((a, b) => {
    const [one, other] = [key(a), key(b)]
    const at = one.findIndex((value, index) => value !== other[index])
    return at < 0 ? (a.item < b.item ? -1 : 1) : (one[at] ?? 0) - (other[at] ?? 0)
  })
}
