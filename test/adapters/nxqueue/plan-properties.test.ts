// What is true of every plan, judged by an oracle that tries everything (test/helpers/nxqueue-oracle.ts).
import fc from 'fast-check'
import t from 'tap'
import type { ReadyJob } from '../../../lib/adapters/nxqueue/job.js'
import { plan, type Launch, type Plan, type Reason } from '../../../lib/adapters/nxqueue/plan.js'
import { situation, type Situation } from '../../helpers/nxqueue-arbitrary.js'
import * as oracle from '../../helpers/nxqueue-oracle.js'

const aging = 100
const runs = { numRuns: 1500 }
const strictly = { aging, turnAfter: Infinity }
const withTurns = { aging, turnAfter: 600 }

function planOf({ jobs, inventory, state, now }: Situation, options = withTurns): Plan {
  return plan(jobs, inventory, state, now, options)
}

const useOf = ({ job: { item }, volume, drive, from, server, bytes }: Launch): oracle.Use => ({
  item,
  volume,
  drive,
  from,
  server,
  bytes,
})

/** Who has something after what was planned is launched. */
const usesAfter = (world: oracle.World, { launches }: Plan) => [
  ...oracle.usesOf(world.state),
  ...launches.map(useOf),
]

const isWaiting = ({ waiting }: Plan, { item }: ReadyJob) => waiting.has(item)
const isOld = ({ submitted }: ReadyJob, { now }: oracle.World) => now - submitted >= 600_000

function always(what: string, holds: (situation: Situation) => void) {
  t.test(what, async (t) => {
    fc.assert(fc.property(situation, holds), runs)
    t.pass(`in ${runs.numRuns} situations`)
  })
}

function ok(holds: boolean, ...about: readonly unknown[]): asserts holds {
  if (!holds) throw new Error(about.map((each) => JSON.stringify(each)).join(' '))
}

always('each job is launched or waits, and not both', (each) => {
  const { launches, waiting } = planOf(each)
  const items = [...launches.map(({ job }) => job.item), ...waiting.keys()]
  ok(new Set(items).size === items.length && items.length === each.jobs.length, items)
})

always('nothing is given to more jobs than there are places, and no room twice', (each) => {
  const { launches } = planOf(each)
  const { claims } = each.state
  const taken = [
    ...claims.map(({ resource }) =>
      [resource.kind, resource.name, resource.kind === 'drive' ? 0 : resource.place].join(' '),
    ),
    ...launches.flatMap(({ volume, volumePlace, drive, from, server, serverPlace }) => [
      ...(volume === undefined ? [] : [`volume ${volume} ${volumePlace ?? ''}`]),
      ...[drive, from].flatMap((name) => (name === undefined ? [] : [`drive ${name} 0`])),
      `server ${server} ${serverPlace}`,
    ]),
  ]
  ok(new Set(taken).size === taken.length, taken)
  const { volumes, servers } = each.inventory
  for (const { volume: name, volumePlace, server, serverPlace, bytes } of launches) {
    ok(serverPlace < (servers.find((one) => one.name === server)?.slots ?? 0), server, serverPlace)
    const volume = volumes.find((one) => one.name === name)
    if (volume === undefined) continue
    ok((volumePlace ?? Infinity) < oracle.placesOf(volume), name, volumePlace)
    const room = oracle.roomOf(volume, usesAfter(each, { launches, waiting: new Map() }), each)
    ok(bytes === 0 || room >= 0, name, room)
  }
})

always('what is launched has all that it needs, and nothing that any rule forbids', (each) => {
  for (const launch of planOf(each).launches) {
    ok(oracle.isDue(launch.job, each.jobs, each), launch)
    const use = JSON.stringify(useOf(launch))
    const allowed = oracle.combinations(launch.job, each).map((one) => JSON.stringify(one))
    ok(allowed.includes(use), launch, allowed)
  }
})

always('a job waits only if those before it left nothing that it could run with', (each) => {
  const made = planOf(each, strictly)
  const uses = [...oracle.usesOf(each.state)]
  for (const job of oracle.ranked(each.jobs, each, aging)) {
    const launch = made.launches.find((one) => one.job === job)
    const could = oracle.isDue(job, each.jobs, each) ? oracle.free(job, uses, each) : []
    ok(could.length === 0 || launch !== undefined, job, could)
    if (launch === undefined) continue
    const own = JSON.stringify(useOf(launch))
    ok(
      could.some((one) => JSON.stringify(one) === own),
      launch,
      could,
    )
    uses.push(useOf(launch))
  }
})

always('with turns, it may also wait for what an older job before it needs', (each) => {
  const made = planOf(each)
  const uses = [...oracle.usesOf(each.state)]
  const before: ReadyJob[] = []
  for (const job of oracle.ranked(each.jobs, each, aging)) {
    const launch = made.launches.find((one) => one.job === job)
    if (launch === undefined && oracle.isDue(job, each.jobs, each)) {
      const wanted = before.flatMap((one) => oracle.combinations(one, each))
      for (const could of oracle.free(job, uses, each)) {
        const isWanted = wanted.some(
          (other) =>
            other.server === could.server ||
            [other.drive, other.from].some(
              (name) => name !== undefined && [could.drive, could.from].includes(name),
            ) ||
            (other.volume !== undefined && other.volume === could.volume),
        )
        ok(isWanted, job, could)
      }
      if (isOld(job, each)) before.push(job)
    }
    if (launch !== undefined) uses.push(useOf(launch))
  }
})

always('what is kept for a job is nothing that only a person can help it to', (each) => {
  const made = planOf(each)
  const isStuck = (job: ReadyJob) =>
    !oracle.isDue(job, each.jobs, each) || oracle.combinations(job, each).length === 0
  for (const [item, reasons] of made.waiting) {
    for (const { code, concerns } of reasons) {
      if (code !== 'WaitPriority') continue
      const other = each.jobs.find(({ jobID }) => jobID === concerns?.name)
      ok(other !== undefined && isOld(other, each) && !isStuck(other), item, other)
    }
  }
})

const shuffled = situation.chain((each) =>
  fc.tuple(fc.constant(each), fc.shuffledSubarray([...each.jobs], { minLength: each.jobs.length })),
)

t.test('the order in which jobs are given does not matter', async (t) => {
  fc.assert(
    fc.property(shuffled, ([each, jobs]) => {
      const [one, other] = [planOf(each), planOf({ ...each, jobs })]
      const told = ({ launches, waiting }: Plan) => JSON.stringify([launches, [...waiting]])
      ok(told(one) === told(other), told(one), told(other))
    }),
    runs,
  )
  t.pass(`in ${runs.numRuns} situations`)
})

/** Whether a reason is true of a job, after what was planned is launched. */
type Truth = (
  job: ReadyJob,
  world: Situation,
  uses: readonly oracle.Use[],
  reason: Reason,
) => boolean

/** The volumes that could be used as far as their state goes, and drives, whether free or not. */
function possible(job: ReadyJob, { inventory }: Situation, isEnabled = false) {
  const good = oracle.meant(job, inventory).filter((each) => oracle.isStateGood(each, job))
  return good.filter((volume) => routes(job, volume, inventory, isEnabled).length > 0)
}

/** The drives for a volume; for one that needs none, the servers. */
function routes(
  job: ReadyJob,
  volume: Situation['inventory']['volumes'][number],
  { drives, servers }: Situation['inventory'],
  isEnabled = false,
): readonly string[] {
  const isServer = (name: string) =>
    servers.some((each) => each.name === name) && (job.server ?? name) === name
  if (!oracle.isTape(volume)) {
    const isAsked = job.media === undefined || job.media === 'disk'
    const all = servers.filter(({ name }) => oracle.sees(name, volume, undefined) && isServer(name))
    return isAsked ? all.map(({ name }) => name) : []
  }
  const fitting = drives.filter(
    (drive) => oracle.handles(drive, volume, job) && drive.servers.some(isServer),
  )
  return fitting.filter(({ enabled }) => enabled || !isEnabled).map(({ name }) => name)
}

const meantIn =
  (state: number): Truth =>
  (job, { inventory }) => {
    const all = oracle.meant(job, inventory)
    return (
      all.some((each) => each.state === state) && !all.some((each) => oracle.isStateGood(each, job))
    )
  }

const isNamed = (job: ReadyJob) => job.volume !== undefined

/** Volumes that are all right, with room beside those uses. */
function withRoom(job: ReadyJob, world: Situation, uses: readonly oracle.Use[]) {
  const bytes = oracle.bytesOf(job)
  return possible(job, world).filter(
    (each) => bytes === 0 || oracle.roomOf(each, uses, world) >= bytes,
  )
}

const inUse: Truth = (job, world, uses) => {
  // Of those that come nearest: with room now, with room when the others have ended, or without.
  const roomy = [uses, []].map((of) => withRoom(job, world, of)).find(({ length }) => length > 0)
  const nearest = isNamed(job) ? oracle.meant(job, world.inventory) : possible(job, world)
  const asked = roomy ?? nearest
  return asked.every((each) => !oracle.isVolumeFree(each, uses, world))
}

const truths: Record<Reason['code'], Truth> = {
  WaitTime: ({ notBefore }, { now }) => (notBefore ?? 0) > now,
  WaitDependency: ({ after }, { state, jobs }, _, { concerns }) => {
    const name = concerns?.name ?? ''
    const isReady = jobs.some(({ jobID }) => jobID === name)
    return after.includes(name) && (isReady || !state.ended.has(name))
  },
  DependencyFailed: ({ after }, { state }, _, { concerns }) =>
    after.includes(concerns?.name ?? '') && state.ended.get(concerns?.name ?? '') === 'failed',
  NoSuchServer: (job, world) =>
    !world.inventory.servers.some(({ name }) => name === job.server) ||
    possible(job, world).length === 0,
  NoSuchVolume: (job, { inventory }) => oracle.meant(job, inventory).length === 0,
  NoSuchGroup: ({ group }, { inventory }) => !inventory.groups.some(({ name }) => name === group),
  NoSuchDrive: (job, world) =>
    oracle.needsVolume(job)
      ? possible(job, world).length === 0
      : !world.inventory.drives.some(
          (drive) =>
            oracle.handles(drive, undefined, job) &&
            drive.servers.some((name) => (job.server ?? name) === name),
        ),
  VolumeUnknown: meantIn(0),
  VolumeReadOnly: meantIn(2),
  VolumeDisabled: meantIn(3),
  NoRoom: (job, world) => withRoom(job, world, []).length === 0,
  WaitCapacity: (job, world, uses) => {
    const isLacking = withRoom(job, world, uses).length === 0
    const bytes = oracle.bytesOf(job)
    const all = oracle.meant(job, world.inventory)
    return isLacking && all.some((each) => oracle.roomOf(each, [], world) >= bytes)
  },
  WaitVolume: inUse,
  WaitGroup: inUse,
  WaitDrive: (job, world, uses) => {
    const isFree = (name: string) => !oracle.isDriveInUse(name, uses)
    const isServed = (name: string) =>
      world.inventory.drives
        .find((drive) => drive.name === name)
        ?.servers.some((server) => oracle.does({ name: server, slots: 1 }, job, world)) === true
    const all = oracle.needsVolume(job)
      ? oracle.meant(job, world.inventory).map((each) => routes(job, each, world.inventory, true))
      : [
          world.inventory.drives
            .filter((drive) => drive.enabled && oracle.handles(drive, undefined, job))
            .map(({ name }) => name),
        ]
    // Of one volume no drive is left that is enabled and that a server at work sees.
    return all.some((names) => !names.some((name) => isFree(name) && isServed(name)))
  },
  WaitServer: (job, world, uses) => {
    const { servers, drives, volumes } = world.inventory
    const able = servers.filter((each) => oracle.does(each, job, world))
    const free = able.filter((each) => oracle.isServerFree(each, uses))
    if (free.length === 0) return true
    // Those that are free do not see everything that the job could use.
    return (
      drives.some((drive) => !free.some(({ name }) => drive.servers.includes(name))) ||
      volumes.some((volume) => !free.some(({ name }) => oracle.sees(name, volume, undefined)))
    )
  },
  WaitPriority: (job, world, _, { concerns }) => {
    const order = oracle.ranked(world.jobs, world, aging)
    const other = order.findIndex(({ jobID }) => jobID === concerns?.name)
    return other >= 0 && other < order.indexOf(job)
  },
}

always('each job that waits has reasons, and each of them is true', (each) => {
  const made = planOf(each)
  const uses = usesAfter(each, made)
  for (const job of each.jobs.filter((one) => isWaiting(made, one))) {
    const reasons = made.waiting.get(job.item) ?? []
    ok(reasons.length > 0, job, uses)
    ok(new Set(reasons.map(({ text }) => text)).size === reasons.length, reasons)
    for (const reason of reasons)
      ok(truths[reason.code](job, each, uses, reason), reason, job, uses)
  }
})

always('all reasons are told: of a volume that is named, and of what is used up', (each) => {
  const made = planOf(each)
  const uses = usesAfter(each, made)
  for (const job of each.jobs.filter((one) => isWaiting(made, one))) {
    const codes = (made.waiting.get(job.item) ?? []).map(({ code }) => code)
    const expect = (code: Reason['code'], isSo: boolean) => {
      ok(!isSo || codes.includes(code), code, codes, job, uses)
    }
    expect('WaitTime', (job.notBefore ?? 0) > each.now)
    expect('DependencyFailed', job.after.includes('z'))
    const [volume] = oracle.meant(job, each.inventory)
    if (!isNamed(job) || volume === undefined) continue
    expect('VolumeReadOnly', volume.state === 2 && job.kind !== 'restore')
    expect('VolumeDisabled', volume.state === 3)
    expect('VolumeUnknown', volume.state === 0)
    const bytes = oracle.bytesOf(job)
    expect('NoRoom', bytes > 0 && oracle.roomOf(volume, [], each) < bytes)
    expect('WaitVolume', !oracle.isVolumeFree(volume, uses, each))
    const drives = routes(job, volume, each.inventory)
    const isInUse = (name: string) => oracle.isDriveInUse(name, uses)
    expect('WaitDrive', oracle.isTape(volume) && drives.length > 0 && drives.every(isInUse))
  }
})
