import { inFlight } from '../../in-flight.js'
import type { QueueContext } from '../../queue/context.js'
import { listHosts } from '../../queue/hosts.js'
import { cancelWaiting } from './act-on-job.js'
import { asFsqError } from './as-fsq-error.js'
import type { ServiceEvent } from './events.js'
import type { Inventory } from './inventory.js'
import { launchJob } from './launch-job.js'
import { type Launch, plan, type PlanOptions, type Reason } from './plan.js'
import { isDisabled, type Presences, readState, type ReadState } from './read-state.js'
import { type ReadyJobs, ReadyJobsReader } from './ready-jobs.js'
import { freeGone, freeWaiting, reclaim } from './recover.js'
import type { Store } from './store.js'
import { unlessElsewhere } from './unless-elsewhere.js'

/*
 * A pass of the master: it mends what others left behind (recover.ts), plans (plan.ts), and launches
 * (launch-job.ts). Whatever it meets that is not as planned, since somebody was faster, is left for the next.
 */

/** What a master works with. */
export interface MasterParts {
  readonly queue: QueueContext
  readonly store: Store
  readonly inventory: () => Inventory
  readonly present: () => Presences
  readonly epoch: () => number
  /** Whether items of the queue are carried between machines: what is not here may be on its way. */
  readonly carried: boolean
  readonly options: PlanOptions
  readonly onEvent: (event: ServiceEvent) => void
}

/** What came of a pass. */
export interface Passed {
  readonly ready: ReadyJobs
  /** When it was planned, in milliseconds of the epoch: what was to wait then was not launched. */
  readonly now: number
  /** What was launched. */
  readonly launches: readonly Launch[]
  /** Why the others wait, by the names of their items. */
  readonly waiting: ReadonlyMap<string, readonly Reason[]>
  /** Whether somebody was faster, so that another pass may launch more. */
  readonly isStale: boolean
}

/** For how long it is known how a job ended, in milliseconds. */
const known = 30 * 24 * 3600 * 1000

/** So many jobs are launched at a time: they share their syncs. */
const launchedAtOnce = 16

/** Of so many jobs the records are asked for at a time. */
const recordsAtOnce = 64

/** See above. */
export class Master {
  readonly #parts: MasterParts
  readonly #reader: ReadyJobsReader
  /** What was told of, so that it is told once. */
  #told = new Set<string>()
  /** The items whose launch failed: what that freed must not make for another attempt at once. */
  readonly #failed = new Set<string>()
  /** The jobIDs of those that wait, and are not to be cancelled as far as their records were looked at. */
  readonly #wanted = new Set<string>()
  /** When it is looked again which ends of jobs need not be known any more. */
  #forgetAt = 0

  constructor(parts: MasterParts) {
    this.#parts = parts
    this.#reader = new ReadyJobsReader(parts.queue)
  }

  /**
   * The record of a job has changed, or of any of them.
   *
   * @returns whether the next pass has to look at that.
   */
  onRecord(jobID: string | undefined): boolean {
    if (jobID !== undefined) return this.#wanted.delete(jobID)
    this.#wanted.clear()
    return true
  }

  /**
   * @param isSweep - look also for what has nobody any more
   * @throws `FsqError` what the queue or the store throws; what is wrong with one job is an event.
   */
  async pass(isSweep: boolean): Promise<Passed> {
    const { queue, onEvent, inventory, options, store } = this.#parts
    const began = performance.now()
    await this.#reclaim()
    if (isSweep) this.#failed.clear()
    if (isSweep) this.#wanted.clear()
    if (isSweep) await freeGone(queue, store, inventory(), ({ server }) => this.#mayFree(server))
    if (isSweep) await this.#forgetEnded()
    const { ready, state } = await this.#look()
    const now = queue.clock.now()
    const jobs = ready.jobs.filter(({ item }) => !this.#failed.has(item))
    const { launches, waiting } = plan(jobs, inventory(), state, now, options)
    const launched: Launch[] = []
    await inFlight(each(launches), launchedAtOnce, async (launch) => {
      if (await this.#launch(launch, now)) launched.push(launch)
    })
    for (const { item, error } of ready.bad)
      this.#tellOnce(item, { type: 'trouble', id: item, error })
    const milliseconds = performance.now() - began
    onEvent({ type: 'pass', ready: ready.jobs.length, launched: launched.length, milliseconds })
    return { ready, now, launches: launched, waiting, isStale: launched.length < launches.length }
  }

  /** How jobs ended, for those that come after them, is known for a month; and looked at once a day. */
  async #forgetEnded(): Promise<void> {
    const { store, queue } = this.#parts
    const now = queue.clock.now()
    if (now < this.#forgetAt) return
    this.#forgetAt = now + 24 * 3600 * 1000
    for (const [jobID, { value }] of await store.jobs.list())
      if (value.ended !== undefined && value.at < now - known) await store.jobs.remove(jobID)
  }

  async #look(): Promise<{ readonly ready: ReadyJobs; readonly state: ReadState }> {
    const { queue, store, inventory, present } = this.#parts
    for (let again = 2; ; again--) {
      const ready = await this.#withoutCancelled(await this.#reader.read())
      const state = await readState(queue, store, inventory(), ready.jobs, present())
      const freed = again > 0 ? await freeWaiting(queue, store, ready.jobs, state) : 0
      if (freed === 0) return { ready, state }
    }
  }

  /**
   * Ends those that are to be cancelled. Who cancels a job does so himself, if it is on his machine and nobody has it
   * locked; else it may be on its way, or with us.
   */
  async #withoutCancelled({ jobs, bad }: ReadyJobs): Promise<ReadyJobs> {
    const { queue, store } = this.#parts
    const waiting = new Set(jobs.map(({ jobID }) => jobID))
    for (const jobID of this.#wanted) if (!waiting.has(jobID)) this.#wanted.delete(jobID)
    const unknown = jobs.filter(({ jobID }) => !this.#wanted.has(jobID))
    const cancelled = new Set<string>()
    await inFlight(each(unknown), recordsAtOnce, async ({ jobID, item }) => {
      this.#wanted.add(jobID) // First: what is changed while we look is looked at again.
      const record = await store.jobs.get(jobID).catch((error: unknown) => {
        this.#wanted.delete(jobID)
        throw error
      })
      if (record?.value.cancel !== true) return
      this.#wanted.delete(jobID)
      cancelled.add(item)
      const ending = unlessElsewhere(cancelWaiting(store, queue, item, jobID))
      await ending.catch((error: unknown) => {
        const event = { type: 'trouble', id: item, error: asFsqError(error) } as const
        this.#tellOnce(`${item} not cancelled`, event)
      })
    })
    return { jobs: jobs.filter(({ item }) => !cancelled.has(item)), bad }
  }

  /**
   * Of the servers that are not there, or out of service. What is carried is theirs once it was launched: a
   * copy of it may be with them, or on its way.
   */
  async #reclaim(): Promise<void> {
    const { queue, store, inventory, present, carried, onEvent } = this.#parts
    if (carried) return
    const servers = new Set([...listHosts(queue), ...inventory().servers.map(({ name }) => name)])
    for (const server of servers) {
      const isPresent = present().has(server)
      if (isPresent && !this.#isDisabled(server)) continue
      const { returned, held } = await reclaim(queue, store, server)
      const why = `${server} is ${isPresent ? 'disabled' : 'not there'}`
      for (const id of returned) onEvent({ type: 'returned', id, why })
      if (isPresent) continue
      for (const { item, launched } of held) {
        const { jobID } = launched
        this.#tellOnce(`${launched.launch} held`, { type: 'held', jobID, id: item, server })
      }
    }
  }

  /** Of the jobs of a server that is there it knows more itself. */
  #mayFree(server: string): boolean {
    const { carried, present } = this.#parts
    return !carried && !present().has(server)
  }

  #isDisabled(server: string): boolean {
    return (
      isDisabled(this.#parts.queue, server) || this.#parts.present().get(server)?.disabled === true
    )
  }

  async #launch(launch: Launch, now: number): Promise<boolean> {
    const { queue, store, epoch, onEvent } = this.#parts
    const { job, server, volume, drive } = launch
    const { jobID, item: id } = job
    try {
      const outcome = await launchJob(queue, store, launch, epoch(), now)
      if (outcome !== 'launched') return false
    } catch (error) {
      this.#failed.add(id)
      this.#tellOnce(`${id} not launched`, { type: 'trouble', id, error: asFsqError(error) })
      return false
    }
    onEvent({
      ...{ type: 'launched', jobID, id, server },
      ...(volume !== undefined && { volume }),
      ...(drive !== undefined && { drive }),
    })
    return true
  }

  #tellOnce(key: string, event: ServiceEvent): void {
    if (this.#told.has(key)) return
    if (this.#told.size > mostTold) this.#told = new Set()
    this.#told.add(key)
    this.#parts.onEvent(event)
  }
}

/** So much is remembered to have been told, of all that was ever wrong. */
const mostTold = 100_000

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values
}
