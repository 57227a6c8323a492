/*
 * Which jobs are launched now, with what, and why the others wait. A pure function of what it is given; its parts
 * are in planner/.
 *
 * 1. Jobs are put in the order of rank.ts. Those that are to wait for a time or for other jobs, or that name what
 *    there is not (obstacles.ts), are not considered.
 * 2. The first of the others gets all that it needs (need.ts), if it is free, or nothing; then the next, and so
 *    on (pass.ts). So who cannot run does not hold up those behind that can.
 * 3. But if it has waited for `turnAfter`, its turn has come: what is free of what it needs is kept for it, room
 *    on the volume included, and who is behind it does not get that (WaitPriority). Only one job waits for each
 *    place of a thing that is in use, so a hundred jobs that wait for a tape do not keep a hundred drives.
 *    Rather than another drive, one waits for the drive in which its volume is used, since both become free
 *    together. Nothing is kept for a job that waits for a person, a server that is not there, a drive that is
 *    disabled, or room.
 * 4. Why the others wait is worked out when it is asked for, of what the pass has left (explain.ts).
 *
 * What is chosen, if there is a choice:
 *
 * - Of the volumes of a group: one that needs not be loaded, then the fullest with room, then by name.
 * - Of drives: the one in which the volume is, unless no job has had it there, and the last that was to failed; then
 *   one that is empty, then one with a volume that no job names, or whose group none does; then in the order of the
 *   inventory.
 * - Of servers: the one with the most places that are free, then in the order of the inventory.
 *
 * A tape in a drive that nobody uses can be loaded into another. The job then has both drives until it ends: it
 * tells nobody when it has unloaded the tape, and whoever got the drive before would meet it there. In a drive that
 * is in use by another job, or kept for one, disabled, not in the inventory, or seen by no server that is at work,
 * a tape cannot be had; nor one that has to make room there for that of the other job, which may not have unloaded
 * it yet. Where two tapes are said to be in one drive, what
 * was seen since goes before what the inventory says. A tape whose generation is not known goes into every drive of
 * its changer.
 */
import { AccessIndex } from './planner/access-index.js'
import type { ClusterState } from './cluster-state.js'
import { Explainer } from './planner/explain.js'
import type { Inventory } from './inventory.js'
import type { ReadyJob } from './job.js'
import type { Launch } from './planner/launch.js'
import { Needs } from './planner/need.js'
import { isHindered } from './planner/obstacles.js'
import { Pass } from './planner/pass.js'
import { ageOf, inRank } from './planner/rank.js'
import type { Reason } from './planner/reason.js'
import { takeStock } from './planner/stock.js'
import { LazyMap } from './planner/lazy-map.js'

export type { Launch } from './planner/launch.js'
export type { Concern, Reason, ReasonCode } from './planner/reason.js'

/** How jobs become more urgent. */
export interface PlanOptions {
  /** After how many seconds a job has one more point of priority. @defaultValue 600 */
  readonly aging?: number
  /** After how many seconds what is free of what it needs is kept for it. @defaultValue 600 */
  readonly turnAfter?: number
}

/** What is to be done now. */
export interface Plan {
  /** The first in rank first. */
  readonly launches: readonly Launch[]
  /** All reasons, at least one, for each of the other jobs: by the names of their items, the first in rank first. */
  readonly waiting: ReadonlyMap<string, readonly Reason[]>
}

/**
 * What is launched now, and why the rest waits.
 *
 * @param jobs - those that wait to be launched, in any order
 * @param now - in milliseconds of the epoch
 */
export function plan(
  jobs: readonly ReadyJob[],
  inventory: Inventory,
  state: ClusterState,
  now: number,
  { aging = 600, turnAfter = 600 }: PlanOptions = {},
): Plan {
  const stock = takeStock(inventory, state)
  const index = new AccessIndex(stock, jobs)
  const needs = new Needs(stock)
  const pass = new Pass(index)
  const ready = new Set(jobs.map(({ jobID }) => jobID))
  const circumstances = { stock, state, ready, now }
  const explainer = new Explainer(index, pass, circumstances)
  const launches: Launch[] = []
  const waiting = new Map<string, () => readonly Reason[]>()
  for (const [rank, job] of inRank(jobs, stock, now, aging).entries()) {
    const need = needs.of(job, rank)
    const hindered = isHindered(need, circumstances)
    const launch = hindered ? undefined : pass.launch(need)
    if (launch !== undefined) {
      launches.push(launch)
      continue
    }
    if (!hindered && ageOf(job, now) >= turnAfter) pass.keepTurn(need)
    waiting.set(job.item, () => explainer.reasonsOf(need))
  }
  return { launches, waiting: new LazyMap(waiting) }
}
