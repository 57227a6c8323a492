import { setTimeout as sleep } from 'node:timers/promises'
import { FsqError } from '../../errors.js'
import { toByteString } from '../../name/charset.js'
import { parseItemName } from '../../name/item-name.js'
import { entryPath } from '../../posix/path.js'
import {
  isRunning,
  type ProcessIdentity,
  processIdentity,
  signalGroup,
} from '../../posix/process-identity.js'
import type { QueueContext } from '../../queue/context.js'
import { putBack, putBackByName } from './put-back.js'
import type { Item } from '../../queue/item.js'
import { LaterWake } from '../../queue/wake.js'
import { after } from '../../timer.js'
import { type Ending, JobEnding } from '../../work/ending.js'
import type { FinishedEvent } from '../../work/events.js'
import type { Result, Runner } from '../../work/job.js'
import type { Drive, Inventory, Volume } from './inventory.js'
import { type Job, jobOf } from './job-item.js'
import type { JobKind } from './job.js'
import { asFsqError } from './as-fsq-error.js'
import { mountOf } from './mounted-volumes.js'
import { recordCompleted, recordFailed, recordTried } from './record-end.js'
import {
  free,
  freeAll,
  holdsAll,
  type JobRecord,
  type Launched,
  launchOf,
  type Run,
  type Store,
  update,
} from './store.js'

/*
 * Executing what is launched to a server: the items of its host queue, with a worker (lib/work). What a
 * crash leaves after each step:
 *
 *   1. flock(2) the item in hosts/SERVER/queue       launched; at the next start it is run
 *   2. look that it was launched to us, with all     the same; what was not goes back to queue/
 *      that it needs
 *   3. record that it runs                           the lock is held by the program: it runs, and nobody
 *                                                    else begins it; the lock is free: it was lost, and
 *                                                    fails temporarily
 *   4. run it                                        the same
 *   5. finish the item                               done, or failed, with claims: steps 6 and 7 are made at the
 *                                                    next start, or sweep; one that failed temporarily has another
 *                                                    name then: it is in hosts/SERVER/queue without a record
 *   6. record how it ended, and what it wrote        the same
 *   7. free what it had                              done, or failed; one that failed temporarily goes back to
 *                                                    queue/
 *   8. move it back to queue/, if it failed          as before it was launched, with one more try spent
 *      temporarily
 *
 * So a job that waits for its next try has nothing, and may be tried elsewhere. Where the store is away, that costs no
 * try: before 4 the item stays, and is taken again; once its work is over the item is finished before anything is asked
 * of the store. But one that is stopped while the store is away counts as lost if it cannot be recorded that it does not
 * run.
 */

/** A job that is being executed. */
export interface RunningJob extends Job {
  /** Its work-item, locked for us. */
  readonly item: Item
  /** The volume that it got. */
  readonly onVolume: Volume | undefined
  /** The drive that it got. */
  readonly inDrive: Drive | undefined
}

/** Does the work of a job. */
export type JobRunner = (
  job: RunningJob,
  ending: Ending,
  onStart: (program: number) => void,
) => Promise<Result>

/** What an executor works with. */
export interface ExecutorParts {
  /** The queue of the cluster. */
  readonly queue: QueueContext
  /** The host queue of the server. */
  readonly own: QueueContext
  readonly server: string
  readonly store: Store
  /** Whether jobs are carried between machines. */
  readonly carried: boolean
  readonly inventory: () => Inventory
  readonly run: Readonly<Partial<Record<JobKind, JobRunner>>>
  /** Is told of what is wrong with a job, and of what was put back. */
  readonly onReturned: (id: string, why: string) => void
}

/** See above. */
export class Executor {
  readonly #parts: ExecutorParts
  readonly #self: ProcessIdentity
  /** The jobs that run, and what ends them, by the names of their items. */
  readonly #running = new Map<
    string,
    { readonly jobID: string; readonly ending: CancellableEnding }
  >()
  /** By the names of the items that are worked on, or were just finished: what is to be freed for them. */
  readonly #launches = new Map<string, { readonly item: Item; readonly launched: Launched }>()
  /** The launches whose end is being recorded. */
  readonly #settling = new Set<string>()
  /** Of the launches whose work is over, until their items are finished: what came of it. */
  readonly #results = new Map<string, Result>()

  constructor(parts: ExecutorParts) {
    this.#parts = parts
    const self = processIdentity()
    if (self === undefined)
      throw new FsqError('FSQ_UNSUPPORTED', 'cannot tell who we are: no /proc')
    this.#self = self
  }

  /** Steps 2 to 4. What the store does not let us do is no fault of the item, which stays. */
  readonly run: Runner = async (item, ending) => {
    const result = await this.#run(item, ending).catch((error: unknown): Result => {
      return { unable: asFsqError(error) }
    })
    if (isLeft(result, ending) && item.outcome === undefined) this.#launches.delete(item.id)
    return result
  }

  /** Whether it is executed here, or its end is being recorded: a sweep is to leave that to us. */
  isAtWork({ launch }: Pick<Launched, 'launch'>): boolean {
    if (this.#settling.has(launch)) return true
    for (const [id, { item, launched }] of this.#launches) {
      if (launched.launch !== launch) continue
      if (this.#running.has(id) || item.fd !== undefined || item.outcome !== undefined) return true
      // Nobody has it locked, and nothing became of it: it was taken away, or could not be moved.
      this.#launches.delete(id)
    }
    return false
  }

  async #run(item: Item, ending: Ending): Promise<Result> {
    const { store, run } = this.#parts
    const launched = await launchOf(store, item.id)
    if (launched === undefined || !(await this.#isOurs(launched))) {
      await this.#putBack(item, launched, 'it was not launched with all that it needs')
      return { stopped: true }
    }
    const result = this.#results.get(launched.launch)
    if (result !== undefined) {
      this.#launches.set(item.id, { item, launched })
      return result // Its item could not be moved.
    }
    if (launched.run !== undefined && !this.#isUnbegun(launched.run))
      return this.#endLost(item, launched, launched.run)
    const [, kind = ''] = item.arguments
    const runJob = Object.hasOwn(run, kind) ? run[kind as JobKind] : undefined
    if (runJob === undefined) {
      await this.#putBack(item, launched, `nothing here does ${kind} jobs`)
      return { stopped: true }
    }
    this.#launches.set(item.id, { item, launched })
    const began = item.context.clock.now()
    await this.#record(item, launched, { service: this.#self, began })
    using cancellable = new CancellableEnding(ending)
    this.#running.set(item.id, { jobID: launched.jobID, ending: cancellable })
    try {
      if (await this.#isCancelled(launched)) cancellable.cancel()
      if (!cancellable.isAsked) await this.#recordMount(launched, began)
      const result = await this.#runJob(runJob, item, launched, cancellable, began)
      if (isLeft(result, ending)) await this.#forgetRun(item, launched, ending)
      else if (cancellable.isCancelled && !isSuccess(result, item)) await endCancelled(item)
      else this.#results.set(launched.launch, result)
      return result
    } finally {
      this.#running.delete(item.id)
    }
  }

  /** It was running when a service of ours ended, and its lock is free. */
  async #endLost(
    item: Item,
    launched: Launched,
    { service, program = service }: Run,
  ): Promise<Result> {
    this.#launches.set(item.id, { item, launched })
    if (isRunning(program) === true && !this.#isSelf(program))
      return { unable: lost(item, 'is still running, though it gave up its lock') }
    const ended = 'was running when its service ended'
    if (!(await this.#isCancelled(launched))) return { thrown: lost(item, ended) }
    await endCancelled(item)
    return { thrown: lost(item, `${ended}, and was cancelled`) }
  }

  /** Looks whether a job that runs is to be ended; all of them without a jobID. */
  async look(jobID?: string): Promise<void> {
    for (const { jobID: each, ending } of [...this.#running.values()])
      if ((jobID ?? each) === each && (await this.#isCancelled({ jobID: each }))) ending.cancel()
    await this.#endOthers(jobID)
  }

  /** Programs that an earlier service of this server began, and that outlived it. */
  async #endOthers(jobID: string | undefined): Promise<void> {
    const { store, server } = this.#parts
    for (const { value } of (await store.launches.list()).values()) {
      const { program } = value.run ?? {}
      if (
        value.server !== server ||
        program === undefined ||
        value.jobID !== (jobID ?? value.jobID)
      )
        continue
      const isOurs = value.run !== undefined && this.#isSelf(value.run.service)
      if (isOurs || isRunning(program) !== true || !(await this.#isCancelled(value))) continue
      endProgram(program)
    }
  }

  /** Steps 6 and 7, and 8 where its outcome is another try. */
  async settle(ended: FinishedEvent): Promise<void> {
    const { own, queue, carried } = this.#parts
    const { id, outcome } = ended
    // Not what is recorded now, which may be a later launch of the same item.
    const launched = this.#launches.get(id)?.launched
    this.#launches.delete(id)
    if (launched !== undefined) await this.#settle(launched, ended)
    if (outcome.state === 'queue') await putBackByName(own, queue, outcome.id, carried)
  }

  async #settle(launched: Launched, ended: FinishedEvent): Promise<void> {
    const { launch } = launched
    this.#results.delete(launch)
    this.#settling.add(launch)
    try {
      await this.#recordEnd(launched, ended)
      await free(this.#parts.store, ended.id, launched)
    } finally {
      this.#settling.delete(launch)
    }
  }

  async #recordEnd(launched: Launched, ended: FinishedEvent): Promise<void> {
    const { own, store, inventory } = this.#parts
    const at = own.clock.now()
    const why = reasonOfEnd(ended)
    if (ended.type !== 'done') await recordTried(store, launched)
    switch (ended.type) {
      case 'done': {
        const [, kind] = parseItemName(ended.id, own.reading).arguments
        await recordCompleted(store, inventory(), launched, kind, at)
        break
      }
      case 'failed':
        await recordFailed(store, launched, at, why)
        break
      case 'retried':
        await update(store.jobs, launched.jobID, (job): JobRecord => {
          const cancel = job?.cancel === true && ({ cancel: true } as const)
          return { ...cancel, ...(why !== undefined && { why }), at }
        })
    }
  }

  async #isOurs(launched: Launched): Promise<boolean> {
    const { server, store } = this.#parts
    return launched.server === server && (await holdsAll(store, launched))
  }

  /** It was not launched to us, or failed and was not put back: whose record there is stays. */
  async #putBack(item: Item, launched: Launched | undefined, why: string): Promise<void> {
    const { own, queue, store, server, carried, onReturned } = this.#parts
    const { id, fd } = item
    if (fd === undefined) throw new Error('an item that is executed is locked')
    if (launched === undefined || launched.server === server) await freeAll(store, id)
    const path = entryPath(own.paths.queue, toByteString(id, own.reading.charset))
    const name = parseItemName(id, own.reading)
    using wake = new LaterWake(fd)
    await putBack(own, queue, { id, path, fd, name, wakeAfter: wake.ask }, carried)
    item.close()
    onReturned(id, why)
  }

  async #runJob(
    runJob: JobRunner,
    item: Item,
    launched: Launched,
    ending: Ending,
    began: number,
  ): Promise<Result> {
    const { inventory } = this.#parts
    let recorded = Promise.resolve()
    try {
      if (ending.signal.aborted) return { thrown: ending.signal.reason }
      const job = await jobOf(item)
      const { drives, volumes } = inventory()
      const { drive, volume } = launched
      const onStart = (pid: number): void => {
        const program = processIdentity(pid)
        if (program === undefined) return
        recorded = this.#record(item, launched, { service: this.#self, program, began }).catch(
          () => undefined, // The lock says that it runs; this would only say it as well.
        )
      }
      const onVolume = volumes.find(({ name }) => name === volume)
      const inDrive = drives.find(({ name }) => name === drive)
      return await runJob({ ...job, item, onVolume, inDrive }, ending, onStart)
    } catch (thrown) {
      return { thrown }
    } finally {
      await recorded
    }
  }

  async #recordMount({ drive, volume }: Launched, now: number): Promise<void> {
    const { store, inventory } = this.#parts
    if (drive === undefined || volume === undefined) return
    const mount = mountOf(inventory(), await store.mounts.list(), { drive, volume }, now)
    await update(store.mounts, drive, () => mount)
  }

  async #record(item: Item, launched: Launched, run: Run): Promise<void> {
    await update(this.#parts.store.launches, item.id, () => ({ ...launched, run }))
  }

  /** At a stop it is our last chance: tried until that is to end at once. */
  async #forgetRun(
    item: Item,
    { run: _, ...launched }: Launched,
    { signal, kill }: Ending,
  ): Promise<void> {
    for (;;) {
      try {
        await update(this.#parts.store.launches, item.id, () => launched)
        return
      } catch (error) {
        if (!signal.aborted || kill.aborted) throw error
      }
      await sleep(forgetAgain, undefined, { signal: kill }).catch(() => undefined)
    }
  }

  async #isCancelled({ jobID }: Pick<Launched, 'jobID'>): Promise<boolean> {
    return (await this.#parts.store.jobs.get(jobID))?.value.cancel === true
  }

  /** It was not begun after all: the store let us record that it runs, and then nothing more. */
  #isUnbegun({ service, program }: Run): boolean {
    return program === undefined && this.#isSelf(service)
  }

  #isSelf({ pid, boot, startTicks }: ProcessIdentity): boolean {
    const self = this.#self
    return self.pid === pid && self.boot === boot && self.startTicks === startTicks
  }
}

/** Fails a job that somebody wanted to end; settling it records that. */
async function endCancelled(item: Item): Promise<void> {
  if (item.outcome === undefined) await item.failPerm()
}

/** Between two attempts to record that a job does not run, in milliseconds. */
const forgetAgain = 500

function reasonOfEnd({ id, code, error }: FinishedEvent): string | undefined {
  const said = error?.message ?? (code === undefined ? undefined : `exit status ${code}`)
  // Who asks names the job.
  return said?.startsWith(`${id}: `) === true ? said.slice(id.length + 2) : said
}

/**
 * How a job is told to end: by who stops its worker, or by who cancels it. Not by AbortSignal.any(): what that makes
 * stays in memory as long as somebody listens to it.
 */
class CancellableEnding extends JobEnding implements Disposable {
  readonly #ending: Ending
  #isCancelled = false
  #forget = (): void => undefined

  constructor(ending: Ending) {
    super()
    this.#ending = ending
    ending.signal.addEventListener('abort', this.#onAsked)
    ending.kill.addEventListener('abort', this.#onKilled)
    if (ending.signal.aborted) this.#onAsked()
    if (ending.kill.aborted) this.#onKilled()
  }

  get isCancelled(): boolean {
    return this.#isCancelled
  }

  /** Asks it to end, and ends it after a grace. */
  cancel(): void {
    if (this.#isCancelled) return
    this.#isCancelled = true
    this.ask(undefined)
    this.#forget = after(grace, () => {
      this.end()
    })
  }

  [Symbol.dispose](): void {
    this.#forget()
    this.#ending.signal.removeEventListener('abort', this.#onAsked)
    this.#ending.kill.removeEventListener('abort', this.#onKilled)
  }

  readonly #onAsked = (): void => {
    this.ask(this.#ending.signal.reason)
  }

  readonly #onKilled = (): void => {
    this.end()
  }
}

/** Asks the process group that a program leads to end, and later ends it, if it is still that. */
function endProgram(program: ProcessIdentity): void {
  signalGroup(program, 'SIGTERM')
  setTimeout(() => {
    signalGroup(program, 'SIGKILL')
  }, grace * 1000).unref()
}

/** How long a job that is cancelled has to end, in seconds. */
const grace = 10

/** The item stays as it was launched: it was ended since we stop, or could not be begun. */
function isLeft(result: Result, { signal }: Ending): boolean {
  if ('stopped' in result || 'unable' in result) return true
  if ('inTime' in result && result.inTime) return false
  return signal.aborted && (signal.reason as FsqError).code === 'FSQ_STOPPED'
}

function isSuccess(result: Result, item: Item): boolean {
  if (item.outcome !== undefined) return item.outcome.state === 'done' // A handler finished it itself.
  return 'returned' in result || ('code' in result && result.code === item.context.settings.success)
}

/** Its message does not name the item: that of the worker, whose cause it is, does. */
function lost({ id }: Item, what: string): FsqError {
  return new FsqError('FSQ_NXQUEUE_LOST', `it ${what}`, { id })
}
