/*
 * The steps of a pass, for one job after the other, the first in rank first: what it can have it takes; what it
 * cannot have it waits for, and when it has waited long enough it keeps what of that is free.
 *
 * During a pass there is only ever less to have. So what one job cannot have, no later one that needs the same
 * and writes as much can have either, and is not tried again.
 */
import type { AccessIndex } from './access-index.js'
import type { Way } from './access.js'
import type { Launch } from './launch.js'
import type { Need } from './need.js'
import type { User } from './places.js'
import type { DriveStock, VolumeStock } from './stock.js'
import { canBeKept, isFree } from './volume-checks.js'

/** All that a job takes, or keeps. */
interface Choice extends Way {
  readonly volume: VolumeStock | undefined
}

export class Pass {
  /** The ranks of those for whom something is kept. */
  readonly turns: number[] = []

  constructor(private readonly index: AccessIndex) {}

  /** Takes all that a job needs, or nothing. */
  launch(need: Need): Launch | undefined {
    const choice = unlessVain('free', need, () => this.#choose(need))
    return choice && take(choice, need)
  }

  /** Keeps what a job needs, as far as it is free, if it waits for nothing but that others end. */
  keepTurn(need: Need): void {
    const choice = unlessVain('turn', need, () => this.#chooseTurn(need))
    if (choice === undefined) return
    keep(choice, need)
    this.turns.push(need.rank)
  }

  #choose(need: Need): Choice | undefined {
    if (this.index.ofAny(need).every((list) => list.isExhausted('free', need))) return undefined
    for (const volume of need.shape.volumes ?? [undefined]) {
      const access = this.index.of(need, volume)
      if (volume !== undefined && !isFree(volume, need, access)) continue
      const way = access.findFree(need, preferred(volume))
      if (way !== undefined) return { volume, ...way }
    }
    return undefined
  }

  /** Rather a volume that is free, so that it is the same in the next pass. */
  #chooseTurn(need: Need): Choice | undefined {
    if (this.index.ofAny(need).every((list) => list.isExhausted('turn', need))) return undefined
    return this.#chooseTurnOf(need, true) ?? this.#chooseTurnOf(need, false)
  }

  #chooseTurnOf(need: Need, isLeft: boolean): Choice | undefined {
    for (const volume of need.shape.volumes ?? [undefined]) {
      if ((volume?.places.isLeft ?? true) !== isLeft) continue
      const access = this.index.of(need, volume)
      if (volume !== undefined && !canBeKept(volume, need, access)) continue
      const way = access.findTurn(need, preferred(volume), leaving(volume))
      if (way !== undefined) return { volume, ...way }
    }
    return undefined
  }
}

/** Unless a job that needs the same, and no more, found none. */
function unlessVain(
  what: 'free' | 'turn',
  { bytes, shape: { vain } }: Need,
  find: () => Choice | undefined,
): Choice | undefined {
  if (bytes >= vain[what]) return undefined
  const choice = find()
  if (choice === undefined) vain[what] = bytes
  return choice
}

/** The drive in which the volume is; not one in which it may never have been, or all tries would be made there. */
function preferred(volume: VolumeStock | undefined): DriveStock | undefined {
  return volume?.hasFailed === true ? undefined : volume?.drive
}

/** Who has to leave a volume, or the drive that it is in, so that it is free. */
function leaving(volume: VolumeStock | undefined): User | undefined {
  return volume?.places.isLeft === true ? volume.drive?.places.next : volume?.places.next
}

/** Another drive than that of the job, from which its volume has to be unloaded. */
function leftDrive({ volume, drive }: Choice): DriveStock | undefined {
  return volume?.drive === drive ? undefined : volume?.drive
}

function take(choice: Choice, { job, bytes }: Need): Launch {
  const { volume, drive, server } = choice
  const { item, jobID } = job
  const from = leftDrive(choice)
  const names = { server: server.server.name, drive: drive?.drive.name }
  const [volumePlace, serverPlace] = [volume?.places.freeNumber, server.places.freeNumber]
  const user = { item, jobID, ...names, bytes: volume === undefined ? 0 : bytes }
  volume?.places.users.push({ ...user, place: volumePlace ?? 0 })
  for (const each of [drive, from]) each?.places.users.push({ ...user, place: 0 })
  server.places.users.push({ ...user, place: serverPlace })
  return {
    ...{ job, ...names, from: from?.drive.name, serverPlace },
    ...{ volume: volume?.volume.name, volumePlace, bytes: user.bytes },
  }
}

function keep(choice: Choice, { job, rank, bytes }: Need): void {
  const { volume, drive, server } = choice
  const turn = { rank, jobID: job.jobID, bytes }
  volume?.turns.push(turn)
  const left = leaving(volume)
  volume?.places.keep(turn, left)
  leftDrive(choice)?.places.keep(turn, left)
  server.places.keep(turn, drive?.places.keep(turn, left) ?? left)
}
