/*
 * Through what a job gets at its volume: a drive and a server that sees it, or a server alone. What will do,
 * free or not, is listed once for all jobs that can do with the same, in the order in which it is to be used.
 */
import type { Need } from './need.js'
import type { User } from './places.js'
import { isAtWork, type DriveStock, type ServerStock } from './stock.js'

/** A drive, if one is needed, and the servers of which one has to execute the job. */
export interface Access {
  readonly drive: DriveStock | undefined
  readonly servers: readonly ServerStock[]
}

/** An access, and one of its servers. */
export interface Way {
  readonly drive: DriveStock | undefined
  readonly server: ServerStock
}

/** All that will do. */
export class AccessList {
  readonly all: readonly Access[]
  readonly #sights = new Map<string, boolean>()
  /** For which kinds of job and servers there is none any more in this pass. */
  readonly #exhausted = { free: new Set<string>(), turn: new Set<string>() }

  constructor(all: readonly Access[]) {
    this.all = all.filter(({ servers }) => servers.length > 0)
  }

  /** Whether there is any for that server, free or not; undefined: for any server. */
  isSeenBy(server: string | undefined): boolean {
    if (server === undefined) return this.all.length > 0
    const known = this.#sights.get(server)
    if (known !== undefined) return known
    const sees = this.all.some((access) => isSeenBy(access, server))
    this.#sights.set(server, sees)
    return sees
  }

  /** One that is free, rather that drive than another. */
  findFree(need: Need, preferred: DriveStock | undefined): Way | undefined {
    return this.#find('free', need, () => {
      const free = this.all.filter(({ drive }) => isFree(drive))
      return firstWay(firstly(preferred, free), (access) => {
        return emptiest(access.servers.filter((each) => each.places.free > 0 && isAble(each, need)))
      })
    })
  }

  /**
   * One to keep for a job whose turn it is: rather the drive of who leaves the volume, since both become free
   * together, then one that is free.
   */
  findTurn(need: Need, preferred: DriveStock | undefined, leaving?: User): Way | undefined {
    return this.#find('turn', need, () => {
      const all = this.all.filter(({ drive }) => drive?.drive.enabled !== false && canBeKept(drive))
      const free = all.filter(({ drive }) => isFree(drive))
      const left = all.filter(({ drive }) => drive?.drive.name === leaving?.drive)
      const others = [...firstly(preferred, free), ...all]
      return firstWay(leaving === undefined ? others : [...left, ...others], (access) => {
        const able = access.servers.filter((each) => canBeKept(each) && isAble(each, need))
        const server = (access.drive?.places.next ?? leaving)?.server
        return able.find((each) => each.server.name === server) ?? emptiest(able)
      })
    })
  }

  /** Whether nothing was found before that would do for the job, either. */
  isExhausted(what: 'free' | 'turn', { shape: { user } }: Need): boolean {
    return this.#exhausted[what].has(user)
  }

  #find(what: 'free' | 'turn', need: Need, find: () => Way | undefined): Way | undefined {
    if (this.isExhausted(what, need)) return undefined
    const way = find()
    if (way === undefined) this.#exhausted[what].add(need.shape.user)
    return way
  }
}

/** Whether that server sees the drive, or reaches the volume. */
export function isSeenBy({ servers }: Access, name: string | undefined): boolean {
  return name === undefined || servers.some(({ server }) => server.name === name)
}

/** Whether a server would execute the job if it had a place. */
export function isAble(stock: ServerStock, { job, shape: { server } }: Need): boolean {
  if (server !== undefined && stock.server.name !== server) return false
  return isAtWork(stock) && stock.state?.kinds.includes(job.kind) === true
}

function isFree(drive: DriveStock | undefined): boolean {
  return drive === undefined || (drive.drive.enabled && drive.places.free > 0)
}

function canBeKept(stock: DriveStock | ServerStock | undefined): boolean {
  return stock?.places.canBeKept !== false
}

function firstly(preferred: DriveStock | undefined, all: readonly Access[]): readonly Access[] {
  const at = preferred === undefined ? -1 : all.findIndex(({ drive }) => drive === preferred)
  const first = all[at]
  return first === undefined ? all : [first, ...all]
}

function firstWay(
  all: readonly Access[],
  serverOf: (access: Access) => ServerStock | undefined,
): Way | undefined {
  for (const access of all) {
    const server = serverOf(access)
    if (server !== undefined) return { drive: access.drive, server }
  }
  return undefined
}

/** The one with the most places that are free, and of these the first. */
function emptiest(servers: readonly ServerStock[]): ServerStock | undefined {
  const [first, ...others] = servers
  return others.reduce(
    (best, each) => (each.places.free > (best?.places.free ?? 0) ? each : best),
    first,
  )
}
