// A small archive for tests of the planner: what a test does not say is ordinary.
import type { Claim, ClusterState, Resource } from '../../lib/adapters/nxqueue/cluster-state.js'
import type { Drive, Inventory, Server, Volume } from '../../lib/adapters/nxqueue/inventory.js'
import { jobKinds, type ReadyJob } from '../../lib/adapters/nxqueue/job.js'

/** The time at which plans are made. */
export const now = Date.UTC(2026, 0, 1)

export const server = (name: string, slots = 2): Server => ({ name, slots })

export const drive = (name: string, of: Partial<Drive> = {}): Drive => ({
  name,
  changer: 'c',
  type: 'LTO-8',
  reads: [7, 8],
  writes: [8],
  servers: ['s1', 's2'],
  enabled: true,
  ...of,
})

/** A tape. */
export const tape = (name: string, of: Partial<Volume> = {}): Volume => ({
  name,
  state: 1,
  changer: 'c',
  slot: undefined,
  group: 'g',
  generation: 8,
  capacity: 1000,
  used: 0,
  mounted: undefined,
  servers: undefined,
  jobs: 1,
  ...of,
})

/** A volume on disk. */
export const disk = (name: string, of: Partial<Volume> = {}): Volume =>
  tape(name, { changer: undefined, generation: undefined, jobs: 2, ...of })

/** Two servers, two drives, two tapes of a group, and nothing in use. */
export const inventoryOf = (of: Partial<Inventory> = {}): Inventory => ({
  servers: [server('s1'), server('s2')],
  drives: [drive('d1'), drive('d2')],
  volumes: [tape('v1'), tape('v2')],
  groups: [{ name: 'g', description: undefined }],
  ...of,
})

/** All servers of an inventory are at work. */
export const stateOf = (inventory: Inventory, of: Partial<ClusterState> = {}): ClusterState => ({
  claims: [],
  servers: new Map(
    inventory.servers.map(({ name }) => [
      name,
      { present: true, disabled: false, kinds: jobKinds },
    ]),
  ),
  volumes: new Map(),
  ended: new Map(),
  launched: new Set(),
  ...of,
})

/** An archive job for the group, submitted now. */
export const job = (jobID: string, of: Partial<ReadyJob> = {}): ReadyJob => ({
  item: `item-${jobID}`,
  jobID,
  kind: 'archive',
  priority: 5,
  group: of.volume === undefined ? 'g' : undefined,
  volume: undefined,
  media: undefined,
  bytes: 10,
  server: undefined,
  after: [],
  submitted: now,
  ...of,
})

/** A job that restores from a volume. */
export const restore = (jobID: string, volume: string, of: Partial<ReadyJob> = {}): ReadyJob =>
  job(jobID, { kind: 'restore', volume, group: undefined, bytes: 0, ...of })

/** What a job has that was launched: names such as `v1`, `d1`, and the server. */
export function claimsOf(
  jobID: string,
  server: string,
  names: {
    volume?: string | undefined
    volumePlace?: number | undefined
    drive?: string | undefined
    from?: string | undefined
    place?: number
    bytes?: number
  },
): readonly Claim[] {
  const { volume, volumePlace = 0, drive, from, place = 0, bytes = 0 } = names
  const resources: Resource[] = [
    ...(volume === undefined
      ? []
      : [{ kind: 'volume' as const, name: volume, place: volumePlace }]),
    ...(drive === undefined ? [] : [{ kind: 'drive' as const, name: drive }]),
    ...(from === undefined
      ? []
      : [{ kind: 'drive' as const, name: from, unloaded: true as const }]),
    { kind: 'server', name: server, place },
  ]
  const common = { jobID, item: `item-${jobID}`, server, bytes, epoch: 1 }
  return resources.map((resource) => ({ resource, ...common }))
}
