/*
 * The inventory as it is during a pass of the planner: what is there, who uses it, and what is kept for whom.
 * Whatever does not change during a pass, and is needed for many jobs, is worked out once.
 */
import type { Claim, ClusterState, ServerState } from '../cluster-state.js'
import type { Drive, Inventory, Server, Volume } from '../inventory.js'
import { before, Places, type Turn } from './places.js'

/** A server, and who uses it. */
export interface ServerStock {
  readonly server: Server
  readonly state: ServerState | undefined
  readonly places: Places
}

/** A drive, and who uses it. */
export interface DriveStock {
  readonly drive: Drive
  readonly places: Places
  readonly servers: readonly ServerStock[]
  /** Whether its volume can be unloaded: it may be used, and a server that is at work sees it. */
  readonly isInReach: boolean
  /** The volumes that may be in it: one, or also what a job has to unload that has not succeeded. */
  readonly loaded: VolumeStock[]
}

/** A volume, and who uses it. */
export interface VolumeStock {
  readonly volume: Volume
  readonly places: Places
  readonly used: number
  /** The name of the drive that it is in. */
  readonly mounted: string | undefined
  /** That drive, if it is in the inventory. */
  readonly drive: DriveStock | undefined
  /** Whether the last job that was to load it there has failed, and none has succeeded yet. */
  readonly hasFailed: boolean
  /** Those for whom room is kept, by rank. */
  readonly turns: Turn[]
}

/** Everything. */
export interface Stock {
  readonly servers: ReadonlyMap<string, ServerStock>
  readonly drives: ReadonlyMap<string, DriveStock>
  readonly volumes: ReadonlyMap<string, VolumeStock>
  readonly groups: Groups
}

/** What is there, and who uses it, before any job is planned. */
export function takeStock(inventory: Inventory, state: ClusterState): Stock {
  const servers = new Map(
    inventory.servers.map((server) => [
      server.name,
      { server, state: state.servers.get(server.name), places: new Places(server.slots) },
    ]),
  )
  const drives = new Map(inventory.drives.map((drive) => [drive.name, driveStock(drive, servers)]))
  const mounted = mountedIn(inventory, state)
  const volumes = new Map(
    inventory.volumes.map((volume) => {
      const name = mounted.get(volume.name)
      return [volume.name, volumeStock(volume, name, drives.get(name ?? ''), state)]
    }),
  )
  const stock = { servers, drives, volumes }
  takeClaims(stock, state.claims)
  return { ...stock, groups: new Groups(inventory, volumes.values()) }
}

function driveStock(drive: Drive, all: ReadonlyMap<string, ServerStock>): DriveStock {
  const servers = drive.servers.flatMap((name) => all.get(name) ?? [])
  const isInReach = drive.enabled && servers.some(isAtWork)
  return { drive, places: new Places(1), servers, isInReach, loaded: [] }
}

/** Whether a server does anything at all now. */
export function isAtWork({ state }: ServerStock): boolean {
  return state?.present === true && !state.disabled
}

/** Which volumes are in which drives. What the inventory said gives way to what was seen since. */
function mountedIn(inventory: Inventory, state: ClusterState): ReadonlyMap<string, string> {
  const mounted = new Map<string, string>()
  const taken = new Set<string>()
  for (const [name, { mounted: drive }] of state.volumes) {
    if (drive === undefined) continue
    mounted.set(name, drive)
    taken.add(drive)
  }
  for (const { name, mounted: drive } of inventory.volumes) {
    if (drive === undefined || state.volumes.has(name) || taken.has(drive)) continue
    mounted.set(name, drive)
  }
  return mounted
}

function volumeStock(
  volume: Volume,
  mounted: string | undefined,
  drive: DriveStock | undefined,
  state: ClusterState,
): VolumeStock {
  const used = state.volumes.get(volume.name)?.used ?? volume.used
  const places = new Places(volume.changer === undefined ? volume.jobs : 1)
  const hasFailed = state.volumes.get(volume.name)?.hasFailed === true
  const stock = { volume, places, used, mounted, drive, hasFailed, turns: [] }
  drive?.loaded.push(stock)
  return stock
}

function takeClaims(stock: Omit<Stock, 'groups'>, claims: readonly Claim[]): void {
  const drives = new Map(
    claims.flatMap(({ item, resource }) =>
      resource.kind === 'drive' && resource.unloaded !== true ? [[item, resource.name]] : [],
    ),
  )
  for (const { resource, item, jobID, server, bytes } of claims) {
    const place = resource.kind === 'drive' ? 0 : resource.place
    const user = { item, jobID, server, drive: drives.get(item), place, bytes }
    const of = { volume: stock.volumes, drive: stock.drives, server: stock.servers }[resource.kind]
    of.get(resource.name)?.places.users.push(user)
  }
}

/** The volumes of each group, in order when they are asked for. */
export class Groups {
  readonly #members = new Map<string, VolumeStock[]>()
  readonly #ordered = new Map<string, readonly VolumeStock[]>()

  constructor({ groups }: Inventory, volumes: Iterable<VolumeStock>) {
    for (const { name } of groups) this.#members.set(name, [])
    for (const each of volumes) this.#members.get(each.volume.group ?? '')?.push(each)
  }

  has(name: string): boolean {
    return this.#members.has(name)
  }

  /** First what needs not be loaded, then the fullest, so that one volume after the other gets full. */
  membersOf(name: string): readonly VolumeStock[] {
    const ordered = this.#ordered.get(name) ?? inOrder(this.#members.get(name) ?? [])
    this.#ordered.set(name, ordered)
    return ordered
  }
}

function inOrder(members: readonly VolumeStock[]): readonly VolumeStock[] {
  return members
    .map((stock) => ({ stock, load: Number(!isAtHand(stock)), room: roomLeft(stock) }))
    .sort((a, b) => a.load - b.load || a.room - b.room || byName(a.stock.volume, b.stock.volume))
    .map(({ stock }) => stock)
}

/** By the bytes of their names, so that it is the same everywhere. */
function byName(a: Volume, b: Volume): number {
  return a.name < b.name ? -1 : Number(a.name > b.name)
}

/** Whether it can be used without being loaded: it is in a drive that nobody uses, or needs none. */
export function isAtHand({ volume, drive }: VolumeStock): boolean {
  if (volume.changer === undefined) return true
  return drive?.isInReach === true && drive.places.isLeft
}

/** Whether the drive that it is in, if any, can unload it when nobody uses that drive. */
export function isInReach({ mounted, drive }: VolumeStock): boolean {
  return mounted === undefined || drive?.isInReach === true
}

/** Whether nobody uses the drive that it is in, or it is in none. */
export function isLoadable(stock: VolumeStock): boolean {
  return isInReach(stock) && stock.drive?.places.isLeft !== false
}

/** What is left when all who use it have written what they said, in bytes. */
export function roomLeft({ volume, used, places }: VolumeStock): number {
  return places.users.reduce((room, { bytes }) => room - bytes, volume.capacity - used)
}

/** What of that is not kept for somebody before that rank. */
export function roomFree(stock: VolumeStock, rank: number): number {
  const kept = before(stock.turns, rank).reduce((sum, { bytes }) => sum + bytes, 0)
  return roomLeft(stock) - kept
}
