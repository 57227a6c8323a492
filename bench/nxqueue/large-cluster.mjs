// A large archive at one moment, always the same: what a pass of the planner is measured with.

import { seeded } from './random.mjs'

const now = Date.UTC(2026, 0, 1)
const [changers, servers, groups] = [10, 100, 20]
const TB = 1e12

/** Half of the drives and their volumes are in use; a fifth of the jobs is older than the time for a turn. */
export function largeCluster({ jobs = 10_000, drives = 200, volumes = 5_000 } = {}) {
  const random = seeded(1)
  const any = (count) => Math.floor(random() * count)
  const inventory = {
    servers: count(servers, (at) => ({ name: `s${at}`, slots: 4 })),
    drives: count(drives, (at) => driveOf(at)),
    volumes: count(volumes, (at) => volumeOf(at, any)),
    groups: count(groups, (at) => ({ name: `g${at}`, description: undefined })),
  }
  return [count(jobs, (at) => jobOf(at, any, volumes)), inventory, stateOf(inventory), now]
}

function count(many, make) {
  return Array.from({ length: many }, (_, at) => make(at))
}

function driveOf(at) {
  const generations = at % 3 === 0 ? [7, 8] : [8, 9]
  return {
    name: `d${at}`,
    changer: `c${at % changers}`,
    type: `LTO-${generations[1]}`,
    reads: generations,
    writes: generations,
    servers: count(10, (number) => `s${(at * 7 + number) % servers}`),
    enabled: at % 25 !== 0,
  }
}

function volumeOf(at, any) {
  return {
    name: `v${at}`,
    state: at % 50 === 0 ? 2 : 1,
    changer: `c${at % changers}`,
    slot: at,
    group: `g${any(groups)}`,
    generation: 7 + any(3),
    capacity: 12 * TB,
    used: any(12 * TB),
    mounted: undefined,
    servers: undefined,
    jobs: 1,
  }
}

function jobOf(at, any, volumes) {
  const isRestore = at % 3 === 0
  return {
    item: `item ${at}`,
    jobID: `${at}`,
    kind: isRestore ? 'restore' : 'archive',
    priority: any(10),
    group: isRestore ? undefined : `g${any(groups)}`,
    volume: isRestore ? `v${any(volumes)}` : undefined,
    media: undefined,
    bytes: any(TB),
    server: at % 40 === 0 ? `s${any(servers)}` : undefined,
    after: at % 20 === 0 ? [`${any(10_000)}`] : [],
    submitted: now - any(750) * 1000,
  }
}

function stateOf(inventory) {
  const all = ['archive', 'restore', 'format', 'other']
  const state = { present: true, disabled: false, kinds: all }
  const busy = inventory.drives.filter((_, at) => at % 2 === 0)
  const claims = busy.flatMap((drive, at) => {
    const volume = inventory.volumes.find(
      (each, number) => each.changer === drive.changer && number >= at * 10,
    )
    const common = { jobID: `r${at}`, item: `r${at}`, server: drive.servers[0], bytes: 0, epoch: 1 }
    return [
      { ...common, resource: { kind: 'volume', name: volume.name, place: 0 } },
      { ...common, resource: { kind: 'drive', name: drive.name } },
      { ...common, resource: { kind: 'server', name: drive.servers[0], place: at % 4 } },
    ]
  })
  return {
    claims,
    servers: new Map(inventory.servers.map(({ name }) => [name, state])),
    volumes: new Map(),
    ended: new Map(),
    launched: new Set(),
  }
}
