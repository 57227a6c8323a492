/*
 * What has to be true of a volume so that a job can use it, in the order in which it is told: first what only a
 * person can change, then what has to be left by jobs that were launched, then by those that wait.
 */
import type { AccessList } from './access.js'
import type { Need } from './need.js'
import type { Places } from './places.js'
import { isInReach, isLoadable, roomFree, roomLeft, type VolumeStock } from './stock.js'

/** Whether it may be used for that. */
export function hasState({ volume: { state } }: VolumeStock, { job }: Need): boolean {
  return state === 1 || (state === 2 && job.kind === 'restore')
}

/** Whether there is something that can handle it, free or not. */
export function hasAccess(access: AccessList, { shape: { server } }: Need): boolean {
  return access.isSeenBy(server)
}

/** Whether it would have room if nobody else wrote. */
export function hasRoom({ volume, used }: VolumeStock, { bytes }: Need): boolean {
  return bytes === 0 || volume.capacity - used >= bytes
}

/** Whether those who write leave that room, if there is. */
export function hasRoomLeft(stock: VolumeStock, need: Need): boolean {
  return need.bytes === 0 || roomLeft(stock) >= need.bytes || !hasRoom(stock, need)
}

/** Whether those who use it, or the drive that it is in, leave it. */
export function hasPlaceLeft(stock: VolumeStock): boolean {
  return stock.places.isLeft && isLoadable(stock)
}

/** Whether what is left is not kept for others. */
export function isNotKept(stock: VolumeStock, { bytes, rank }: Need): boolean {
  if (isKept(stock.places, rank)) return false
  return bytes === 0 || roomFree(stock, rank) >= bytes || roomLeft(stock) < bytes
}

/** Whether the drive that it is in, whichever it is to be used in, is not kept for others: it is unloaded there. */
export function isDriveNotKept({ drive }: VolumeStock, { rank }: Need): boolean {
  return drive === undefined || !isKept(drive.places, rank)
}

function isKept(places: Places, rank: number): boolean {
  return places.isLeft && !places.isFree(rank)
}

/** Whether it can be used now. */
export function isFree(stock: VolumeStock, need: Need, access: AccessList): boolean {
  return (
    hasPlaceLeft(stock) && // Comes first since it is what most often is not so.
    hasRoom(stock, need) &&
    hasRoomLeft(stock, need) &&
    isNotKept(stock, need) &&
    isDriveNotKept(stock, need) &&
    hasState(stock, need) &&
    hasAccess(access, need)
  )
}

/** Whether it will be free without anything but that others leave it, and nobody waits for that yet. */
export function canBeKept(stock: VolumeStock, need: Need, access: AccessList): boolean {
  return (
    stock.places.canBeKept &&
    stock.drive?.places.canBeKept !== false &&
    hasState(stock, need) &&
    hasAccess(access, need) &&
    (need.bytes === 0 || roomFree(stock, Infinity) >= need.bytes) &&
    isInReach(stock)
  )
}
