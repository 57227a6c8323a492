/*
 * Why a job cannot have one of its volumes. If there are several, each question is asked of those for which the
 * answer to the questions before was yes.
 */
import type { AccessIndex } from './access-index.js'
import { disk } from './access-index.js'
import { byteTexts } from './byte-text.js'
import type { Need } from './need.js'
import { takesAnyOf } from './need.js'
import { listed, narrow, unique } from './narrow.js'
import { before } from './places.js'
import { reasonOf, type Concern, type Reason, type ReasonCode } from './reason.js'
import { isInReach, roomLeft, type VolumeStock } from './stock.js'
import {
  hasAccess,
  hasPlaceLeft,
  hasRoom,
  hasRoomLeft,
  hasState,
  isDriveNotKept,
  isNotKept,
} from './volume-checks.js'

type Check = [
  (volume: VolumeStock) => boolean,
  (volumes: readonly VolumeStock[]) => readonly Reason[],
]

/** Adds the reasons that are the same for all jobs of a shape; returns the volumes that will do, if there are any. */
export function narrowToFit(
  volumes: readonly VolumeStock[],
  need: Need,
  index: AccessIndex,
  reasons: Reason[],
): readonly VolumeStock[] {
  const checks: Check[] = [
    [(each) => hasState(each, need), (all) => badStates(all, need)],
    [(each) => hasAccess(index.of(need, each), need), (all) => [noAccess(all, need)]],
  ]
  return checks.reduce((left, [passes, why]) => narrow(left, reasons, passes, why), volumes)
}

/** Adds the other reasons; returns the volumes that it could have, or that come nearest to that. */
export function narrowToFree(
  volumes: readonly VolumeStock[],
  need: Need,
  reasons: Reason[],
): readonly VolumeStock[] {
  const checks: Check[] = [
    [(each) => hasRoom(each, need), (all) => [noRoom(all, need)]],
    [(each) => hasRoomLeft(each, need), (all) => [reserved(all, need)]],
    [(each) => hasPlaceLeft(each), (all) => [inUse(all, need)]],
    [(each) => isNotKept(each, need), (all) => [kept(all, need)]],
    [(each) => isDriveNotKept(each, need), (all) => [driveKept(all, need)]],
  ]
  return checks.reduce((left, [passes, why]) => narrow(left, reasons, passes, why), volumes)
}

/** What a sentence begins with: the volume, or the group; and what it concerns. */
function subject(all: readonly VolumeStock[], { job }: Need): { what: string; of: Concern } {
  if (takesAnyOf(job)) {
    const name = job.group ?? ''
    const names = all.map(({ volume }) => volume.name)
    const plural = names.length === 1 ? 'Volume' : 'Volumes'
    return { what: `${plural} ${listed(names)} of group ${name}`, of: { kind: 'group', name } }
  }
  const name = job.volume ?? ''
  return { what: `Volume ${name}`, of: { kind: 'volume', name } }
}

const states: Record<number, [ReasonCode, string] | undefined> = {
  0: ['VolumeUnknown', 'in an unknown state'],
  2: ['VolumeReadOnly', 'read-only'],
  3: ['VolumeDisabled', 'disabled'],
}

function badStates(all: readonly VolumeStock[], need: Need): readonly Reason[] {
  return Object.entries(states).flatMap(([state, told]) => {
    const those = all.filter(({ volume }) => volume.state === Number(state))
    if (those.length === 0 || told === undefined) return []
    const { what, of } = subject(those, need)
    const [code, text] = told
    return [reasonOf(code, `${what} ${be(those)} ${text}: enable one, or name another.`, of)]
  })
}

function be(all: readonly unknown[]): string {
  return all.length === 1 ? 'is' : 'are'
}

function noAccess(all: readonly VolumeStock[], need: Need): Reason {
  const { what, of } = subject(all, need)
  const { media, kind, server } = need.job
  const isTape = all.some(({ volume }) => volume.changer !== undefined)
  const seen = server === undefined ? '' : ` that server ${server} sees`
  if (isTape && media !== disk) {
    const type = media === undefined ? '' : ` of type ${media}`
    const verb = kind === 'restore' ? 'reads' : 'writes'
    const text = `There is no drive${type}${seen} that ${verb} ${lower(what)}: add one, or name another volume.`
    return reasonOf('NoSuchDrive', text, of)
  }
  if (media !== undefined && (isTape || media !== disk)) {
    const text = `${what} ${isTape ? 'needs a drive' : 'needs no drive'}, and the job asks for ${media}.`
    return reasonOf('NoSuchDrive', text, of)
  }
  const text =
    server === undefined
      ? `No server reaches ${lower(what)}: name another volume.`
      : `Server ${server} does not reach ${lower(what)}: name another server, or another volume.`
  return reasonOf('NoSuchServer', text, of)
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function noRoom(all: readonly VolumeStock[], need: Need): Reason {
  const { what, of } = subject(all, need)
  const most = Math.max(...all.map(({ volume, used }) => volume.capacity - used))
  return reasonOf('NoRoom', `${what} ${tooLittle(all, most, need)}.`, of)
}

function tooLittle(all: readonly unknown[], most: number, { bytes }: Need): string {
  // A volume may be fuller than it is large.
  const [room, needed] = byteTexts(Math.max(0, most), bytes)
  return `${all.length === 1 ? 'has' : 'have'} room for ${room} at most, and ${needed} are needed`
}

function reserved(all: readonly VolumeStock[], need: Need): Reason {
  const { what, of } = subject(all, need)
  const most = Math.max(...all.map(roomLeft))
  const jobs = listed(unique(all.flatMap(({ places }) => places.users.map(({ jobID }) => jobID))))
  const text = `${what} ${tooLittle(all, most, need)}, while more is reserved for jobs ${jobs}.`
  return reasonOf('WaitCapacity', text, of)
}

function inUse(all: readonly VolumeStock[], need: Need): Reason {
  const { of } = subject(all, need)
  if (takesAnyOf(need.job)) {
    const shown = all.slice(0, 3).map((volume) => holder(volume))
    const more = all.length > 3 ? `; so are ${all.length - 3} more` : ''
    const text = `No volume of group ${of.name} that will do is free: ${shown.join('; ')}${more}.`
    return reasonOf('WaitGroup', text, of)
  }
  const text = all.map((volume) => `Volume ${holder(volume)}.`).join(' ')
  return reasonOf('WaitVolume', text, of)
}

/** Who or what holds a volume. */
function holder(stock: VolumeStock): string {
  const { volume, places, drive, mounted } = stock
  const users = (all: readonly { jobID: string }[]) => listed(all.map(({ jobID }) => jobID))
  if (!places.isLeft) return `${volume.name} is used by job ${users(places.users)}`
  const where = `${volume.name} is in drive ${mounted ?? ''}, which`
  if (drive === undefined) return `${where} is not in the inventory`
  if (isInReach(stock)) return `${where} is used by job ${users(drive.places.users)}`
  return drive.drive.enabled ? `${where} no server that is at work sees` : `${where} is disabled`
}

function kept(all: readonly VolumeStock[], need: Need): Reason {
  const { what } = subject(all, need)
  const turns = all.flatMap(({ places, turns }) => [
    ...before(places.turns, need.rank),
    ...before(turns, need.rank),
  ])
  const [name = ''] = turns.map(({ jobID }) => jobID)
  const text = `${what} ${be(all)} kept for job ${name}, which is before it.`
  return reasonOf('WaitPriority', text, { kind: 'job', name })
}

function driveKept(all: readonly VolumeStock[], need: Need): Reason {
  const { what } = subject(all, need)
  const drives = unique(all.flatMap(({ drive }) => drive ?? []))
  const names = listed(drives.map(({ drive }) => drive.name))
  const turns = drives.flatMap(({ places }) => before(places.turns, need.rank))
  const [name = ''] = turns.map(({ jobID }) => jobID)
  const text = `${what} ${be(all)} in drive ${names}, kept for job ${name}, which is before it.`
  return reasonOf('WaitPriority', text, { kind: 'job', name })
}
