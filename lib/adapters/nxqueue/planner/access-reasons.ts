/*
 * Why a job cannot have a drive, or a server. Each question is asked of those for which the answer to the
 * questions before was yes.
 */
import { isAble, isSeenBy, type Access } from './access.js'
import { listed, narrow, unique } from './narrow.js'
import type { Need } from './need.js'
import { before } from './places.js'
import { reasonOf, type Concern, type Reason } from './reason.js'
import type { DriveStock, ServerStock } from './stock.js'

/** Adds the reasons why none of those ways can be gone. */
export function narrowAccess(all: readonly Access[], need: Need, reasons: Reason[]): void {
  const seen = all.filter((each) => isSeenBy(each, need.shape.server))
  if (seen.length === 0) {
    if (need.shape.volumes === undefined) reasons.push(noDrive(need)) // Otherwise it was told of the volume.
    return
  }
  const isServed = ({ servers }: Access) => servers.some((each) => isAble(each, need))
  const isFree = ({ drive }: Access) => drive === undefined || isNotKept(drive, need)
  const enabled = narrow(seen, reasons, ({ drive }) => drive?.drive.enabled !== false, disabled)
  const served = narrow(enabled, reasons, isServed, (some) => [unable(some, need)])
  const left = narrow(served, reasons, ({ drive }) => drive?.places.isLeft !== false, inUse)
  const free = narrow(left, reasons, isFree, (some) => [kept(drivesOf(some), need)])
  const able = serversOf(free).filter((each) => isAble(each, need))
  if (able.length > 0) narrowServers(able, need, reasons)
}

function narrowServers(able: readonly ServerStock[], need: Need, reasons: Reason[]): void {
  const left = narrow(able, reasons, ({ places }) => places.isLeft, full)
  narrow(
    left,
    reasons,
    (each) => isNotKept(each, need),
    (some) => [kept(some, need)],
  )
}

/** Whether it is not kept for others if it is left. */
function isNotKept({ places }: DriveStock | ServerStock, { rank }: Need): boolean {
  return !places.isLeft || places.isFree(rank)
}

function drivesOf(all: readonly Access[]): readonly DriveStock[] {
  return all.flatMap(({ drive }) => drive ?? [])
}

function serversOf(all: readonly Access[]): readonly ServerStock[] {
  return unique(all.flatMap(({ servers }) => servers))
}

function noDrive({ job: { media }, shape: { server } }: Need): Reason {
  const seen = server === undefined ? '' : ` that server ${server} sees`
  return reasonOf('NoSuchDrive', `There is no drive of type ${media ?? ''}${seen}: add one.`)
}

function disabled(all: readonly Access[]): readonly Reason[] {
  const names = drivesOf(all).map(({ drive }) => drive.name)
  const what = names.length === 1 ? 'Drive' : 'Drives'
  const be = names.length === 1 ? 'is' : 'are'
  const text = `${what} ${listed(names)} ${be} disabled, and no other will do: enable one.`
  return [reasonOf('WaitDrive', text, onlyOne('drive', names))]
}

function inUse(all: readonly Access[]): readonly Reason[] {
  const drives = drivesOf(all)
  const uses = drives.map(
    ({ drive, places }) => `${drive.name} by job ${places.users[0]?.jobID ?? ''}`,
  )
  const names = drives.map(({ drive }) => drive.name)
  const text = `All drives that will do are in use: ${listed(uses)}.`
  return [reasonOf('WaitDrive', text, onlyOne('drive', names))]
}

function unable(all: readonly Access[], need: Need): Reason {
  const servers = serversOf(all).filter(
    ({ server }) => need.shape.server === undefined || server.name === need.shape.server,
  )
  const names = servers.map(({ server }) => server.name)
  const why = servers.map(
    ({ server: { name }, state }) => `${name} ${whyUnable(state, need.job.kind)}`,
  )
  return reasonOf(
    'WaitServer',
    `No server that will do is at work: ${listed(why)}.`,
    onlyOne('server', names),
  )
}

function whyUnable(state: ServerStock['state'], kind: string): string {
  if (state?.present !== true) return 'is not there'
  return state.disabled ? 'is disabled' : `does not execute ${kind} jobs`
}

function full(all: readonly ServerStock[]): readonly Reason[] {
  const names = all.map(({ server }) => server.name)
  const uses = all.map(({ server, places }) => `${server.name} with ${places.users.length}`)
  const text = `All servers that will do have as many jobs as they have places: ${listed(uses)}.`
  return [reasonOf('WaitServer', text, onlyOne('server', names))]
}

function kept(all: readonly (DriveStock | ServerStock)[], need: Need): Reason {
  const [first] = all
  const what = first !== undefined && 'server' in first ? 'server' : 'drive'
  const names = all.map((each) => ('server' in each ? each.server.name : each.drive.name))
  const turns = all.flatMap(({ places }) => before(places.turns, need.rank))
  const name = turns[0]?.jobID ?? ''
  const text = `What is free of ${what} ${listed(names)} is kept for job ${name}, which is before it.`
  return reasonOf('WaitPriority', text, { kind: 'job', name })
}

function onlyOne(kind: Concern['kind'], names: readonly string[]): Concern | undefined {
  const [name, ...others] = names
  return name === undefined || others.length > 0 ? undefined : { kind, name }
}
