import { FsqError } from '../../errors.js'
import { checkMembers } from '../../members.js'
import { isRunning, processIdentity } from '../../posix/process-identity.js'
import { hostContext, type QueueContext } from '../../queue/context.js'
import { checkQueue } from '../../queue/failure.js'
import { isDown } from '../../queue/down.js'
import { longestTimer } from '../../timer.js'
import type { Backoff } from '../../work/backoff.js'
import type { WorkEvent } from '../../work/events.js'
import { Worker, type WorkResult } from '../../work/worker.js'
import { releaseJob } from './act-on-job.js'
import type { Cluster } from './cluster.js'
import type { ServiceEvent } from './events.js'
import { Executor, type JobRunner } from './execute.js'
import { InventoryFeed } from './inventory-feed.js'
import { type JobKind, jobKinds } from './job.js'
import { asFsqError } from './as-fsq-error.js'
import { Mastership } from './mastership.js'
import { ownMachine } from './own-machine.js'
import type { PlanOptions } from './plan.js'
import { Announcement, type Presence, presencesOf, PresenceWatch } from './presence.js'
import { isDisabled } from './read-state.js'
import { freeGone, isFinished, reclaim } from './recover.js'
import { handlerJob, type JobHandler, programJob } from './run-job.js'
import { Scheduler } from './scheduler.js'
import { ServerName } from './server-name.js'
import { checkServer } from './servers.js'
import { StandingWatch } from './standing-watch.js'
import { unlessElsewhere } from './unless-elsewhere.js'

/*
 * The service of a server: a worker on its host queue (execute.ts), its presence (presence.ts), and as long as
 * it is master (mastership.ts) a scheduler (scheduler.ts). It stops in the opposite order: first it is launched
 * nothing more, then its jobs end, and last it is not there any more.
 */

/** Who does a kind of jobs: a shell command, or a function. */
export type JobWork = string | JobHandler

/** How a server of a cluster serves. */
export interface ServeOptions extends PlanOptions {
  /** The name of this server in the inventory. */
  readonly server: string
  /** Where the inventory is: a file, or a directory of them. @defaultValue what another server has accepted */
  readonly inventory?: string | undefined
  /** Who does the jobs that are launched to this server; it gets only those kinds. */
  readonly work: Readonly<Partial<Record<JobKind, JobWork>>>
  /**
   * How long a job that failed temporarily waits for its next try.
   *
   * @defaultValue `{ base: 60 }`: a minute, then twice as long each time, up to an hour
   */
  readonly backoff?: Backoff | undefined
  /**
   * How often a job is tried, 0 for any number: what failed temporarily so often has failed. A server that is
   * lost while it executes a job counts as one try.
   *
   * @defaultValue 5; not that of the settings, which is 1
   */
  readonly maxTries?: number | undefined
  /** How long a job may take, in seconds, 0 for ever. @defaultValue 0 */
  readonly timeout?: number | undefined
  /** How often, in seconds, everything is looked at although nothing happened. @defaultValue 60 */
  readonly sweep?: number | undefined
  /** A server that is silent for so long, in seconds, is taken for gone. @defaultValue 3.5 */
  readonly lostAfter?: number | undefined
  /** How long a stop waits for the jobs that run, in seconds, before it ends them. @defaultValue 30 */
  readonly drain?: number | undefined
  /** Is told of everything. */
  readonly onEvent?: ((event: ServiceEvent) => void) | undefined
  /** Ends it: nothing more is launched to it, and what runs may end. */
  readonly signal?: AbortSignal | undefined
  /** Ends what runs at once; it stays launched to this server. */
  readonly kill?: AbortSignal | undefined
}

const known: ReadonlySet<string> = new Set<keyof ServeOptions>([
  'server',
  'inventory',
  'work',
  'backoff',
  'maxTries',
  'timeout',
  'sweep',
  'lostAfter',
  'drain',
  'onEvent',
  'signal',
  'kill',
  'aging',
  'turnAfter',
])

/** What a server did. */
export interface ServeResult extends WorkResult {
  /** How many passes it made as master. */
  readonly passes: number
  /** How many jobs it launched. */
  readonly launched: number
}

/**
 * Serves a cluster until `signal` aborts: executes what is launched to this server, and is master whenever
 * it is the first of the inventory that is there and in service. On every machine one runs for each server.
 *
 * @throws `FsqError` `FSQ_NXQUEUE` for a server that is not in the inventory, or is served by another service,
 * already or by now, or where there is no inventory;
 * `FSQ_NXQUEUE_INVENTORY`, `FSQ_NO_QUEUE`; `TypeError` for an option of the wrong form. What goes wrong
 * later is an event, and tried again.
 */
export async function serveCluster(cluster: Cluster, options: ServeOptions): Promise<ServeResult> {
  checkOptions(options)
  checkQueue(cluster.queue.context)
  await using service = await Service.start(cluster, options)
  return await service.run()
}

function checkOptions(options: ServeOptions): void {
  checkMembers('an option of a server', options, known)
  for (const [kind, work] of Object.entries(options.work)) {
    if (!jobKinds.some((each) => each === kind))
      throw new TypeError(`Expected \`work\` to be for ${jobKinds.join(', ')}, got ${kind}`)
    if (typeof work !== 'string' && typeof work !== 'function')
      throw new TypeError(`Expected who does ${kind} to be a shell command or a function`)
  }
  const { sweep = 60, lostAfter = 3.5 } = options
  for (const [name, value] of Object.entries({ sweep, lostAfter }))
    if (!(value > 0)) throw new TypeError(`Expected \`${name}\` to be more than 0, got ${value}`)
}

/** Jobs are launched only where there is a place, so the places of the inventory limit them. */
const anyNumber = 10_000

/** How often the host queue is looked at, in seconds, for a job of an earlier life of ours that has ended. */
const ownSweep = 10

class Service implements AsyncDisposable {
  readonly #cluster: Cluster
  readonly #options: ServeOptions
  readonly #own: QueueContext
  readonly #feed: InventoryFeed
  readonly #executor: Executor
  /** What is still to be done for jobs that have ended. */
  readonly #settling = new Set<Promise<void>>()
  readonly #counts = { passes: 0, launched: 0 }
  /** The servers that are there, as far as was told. */
  readonly #there = new Set<string>()
  #announcement: Announcement | undefined
  #mastership: Mastership | undefined
  #scheduler: Scheduler | undefined
  #isFreeing = false
  /** Another service has our name. */
  #taken: FsqError | undefined
  /** Role changes are made one after the other. */
  #roles: Promise<void> = Promise.resolve()

  private constructor(cluster: Cluster, options: ServeOptions, feed: InventoryFeed) {
    const { server, work } = options
    const { queue, store } = cluster
    this.#cluster = cluster
    this.#options = options
    this.#feed = feed
    this.#own = hostContext(queue.context, server)
    this.#executor = new Executor({
      ...{ queue: queue.context, own: this.#own, server, store, carried: cluster.isCarried },
      inventory: () => feed.current,
      run: Object.fromEntries(Object.entries(work).map(([kind, each]) => [kind, runnerOf(each)])),
      onReturned: (id, why) => {
        this.#tell({ type: 'returned', id, why })
      },
    })
  }

  static async start(cluster: Cluster, options: ServeOptions): Promise<Service> {
    const { server, inventory } = options
    const services: Service[] = []
    const feed = await InventoryFeed.open(cluster, inventory, {
      onChange: () => {
        for (const service of services) service.#onInventory()
      },
      onTrouble: (error) => {
        options.onEvent?.({ type: 'trouble', error })
      },
    })
    try {
      checkServer(feed.current, server)
      await cluster.queue.installHost(server, { ifExists: 'ignore' })
      const service = new Service(cluster, options, feed)
      services.push(service)
      return service
    } catch (error) {
      feed[Symbol.dispose]()
      throw error
    }
  }

  /** Until the signal. */
  async run(): Promise<ServeResult> {
    const { server } = this.#options
    const { keyValues } = this.#cluster
    using name = await ServerName.hold(keyValues, server, this.#options.signal)
    if (name === undefined) return { done: 0, failed: 0, retried: 0, left: 0, ...this.#counts }
    this.#tellInventory()
    await this.#freeGone()
    const worker = this.#startWorker()
    void name.taken.then((error) => {
      this.#taken = error
      worker.stop().catch(() => undefined) // Whoever awaits the end is told.
    })
    try {
      const result = await this.#serve(worker)
      if (this.#taken !== undefined) throw this.#taken
      return { ...result, ...this.#counts }
    } catch (error) {
      // Nobody would stop it: what it executes is not told of by our presence any more.
      await worker.stop().catch(() => undefined)
      throw error
    } finally {
      await Promise.all(this.#settling)
    }
  }

  /** As long as the worker works. */
  async #serve(worker: Worker): Promise<WorkResult> {
    const { server, work, lostAfter = 3.5, sweep = 60 } = this.#options
    const { keyValues, store, queue, isCarried } = this.#cluster
    const presences = presencesOf(keyValues)
    const process = processIdentity()
    if (process === undefined)
      throw new FsqError('FSQ_UNSUPPORTED', 'cannot tell who we are: no /proc')
    const machine = isCarried ? { machine: await ownMachine(queue.context) } : {}
    await using announcement = new Announcement(
      presences,
      server,
      { kinds: Object.keys(work), disabled: isDown(this.#own), process, ...machine },
      this.#onTrouble,
    )
    this.#announcement = announcement
    await announcement.renew()
    using presence = new PresenceWatch(presences, lostAfter, {
      onChange: (name, there) => {
        this.#onPresence(name, there)
      },
      onError: this.#onTrouble,
    })
    await presence.look()
    await using mastership = new Mastership({
      ...{ keyValues, server, patience: 2 * lostAfter, onError: this.#onTrouble },
      inventory: () => this.#feed.current,
      present: () => presence.present,
      isDisabled: (name) => isDisabledNow(queue.context, name, presence.present),
      lastEpoch: async () => {
        const launches = await store.launches.list()
        return Math.max(0, ...[...launches.values()].map(({ value }) => value.epoch))
      },
      onRole: (epoch) => {
        this.#onRole(epoch, presence.present)
      },
    })
    this.#mastership = mastership
    const onRecord = (jobID: string | undefined): void => {
      this.#executor.look(jobID).catch(this.#onTrouble)
      this.#scheduler?.onRecord(jobID)
    }
    using wishes = new StandingWatch(store.jobs, onRecord, this.#onTrouble)
    const every = Math.min(sweep * 1000, longestTimer)
    const sweeps = setInterval(() => {
      void this.#freeGone()
      wishes.renew()
      void this.#executor.look().catch(this.#onTrouble)
      void this.#feed.look()
    }, every)
    mastership.check()
    try {
      return await worker.ended
    } finally {
      clearInterval(sweeps)
      await mastership[Symbol.asyncDispose]()
      await this.#roles
      await this.#returnOwn(`${server} ends`)
      await Promise.all(this.#settling)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#feed[Symbol.dispose]()
    await this.#roles
  }

  #startWorker(): Worker {
    const { backoff = { base: 60 }, maxTries = 5, timeout = 0 } = this.#options
    const { drain = 30, sweep = 60 } = this.#options
    const { signal, kill } = this.#options
    const worker = new Worker([{ queue: this.#own, weight: 1 }], this.#executor.run, {
      ...{
        backoff,
        maxTries,
        timeout,
        drain,
        sweep: Math.min(sweep, ownSweep),
        concurrency: anyNumber,
      },
      onEvent: (event) => {
        this.#onWork(event)
      },
      ...(signal !== undefined && { signal }),
    })
    // Nothing more is to be launched to a server that ends, while it waits for its jobs.
    signal?.addEventListener(
      'abort',
      () => {
        void this.#announcement?.renew({ disabled: true })
      },
      { once: true },
    )
    kill?.addEventListener('abort', () => {
      worker.kill().catch(() => undefined) // Whoever awaits the end is told.
    })
    return worker
  }

  #onWork(event: WorkEvent): void {
    this.#tell(event)
    switch (event.type) {
      case 'done':
      case 'failed':
      case 'retried': {
        const settled = this.#executor
          .settle(event)
          .catch(this.#onTrouble)
          .finally(() => this.#settling.delete(settled))
        this.#settling.add(settled)
        break
      }
      case 'error':
        // Somebody took it away while it ran.
        if (event.error.code === 'FSQ_NO_ITEM') void this.#freeGone()
        break
      case 'down':
      case 'up':
        void this.#announcement?.renew({ disabled: event.type === 'down' })
        if (event.type === 'down') void this.#returnOwn(`${this.#options.server} is disabled`)
        this.#mastership?.check()
    }
  }

  #onPresence(name: string, presence: Presence | undefined): void {
    const type = presence === undefined ? 'absent' : 'present'
    if (this.#there.has(name) !== (presence !== undefined)) this.#tell({ type, server: name })
    if (presence === undefined) this.#there.delete(name)
    else this.#there.add(name)
    this.#mastership?.check()
    this.#scheduler?.wake(presence === undefined ? 'sweep' : 'pass')
  }

  #tellInventory(): void {
    const servers = this.#feed.current.servers.map(({ name }) => name)
    this.#tell({ type: 'inventory', servers })
  }

  #onInventory(): void {
    this.#tellInventory()
    this.#mastership?.check()
    this.#scheduler?.wake()
  }

  #onRole(epoch: number | undefined, present: ReadonlyMap<string, Presence>): void {
    const turn = async (): Promise<void> => {
      const before = this.#scheduler
      this.#scheduler = undefined
      await before?.[Symbol.asyncDispose]()
      await this.#feed.setMaster(epoch !== undefined)
      if (epoch === undefined) {
        this.#tell({ type: 'client' })
        return
      }
      this.#tell({ type: 'master', epoch })
      const { queue, store, isCarried } = this.#cluster
      const { sweep = 60, aging, turnAfter } = this.#options
      this.#scheduler = new Scheduler({
        ...{ queue: queue.context, store, carried: isCarried, sweep },
        options: {
          ...(aging !== undefined && { aging }),
          ...(turnAfter !== undefined && { turnAfter }),
        },
        inventory: () => this.#feed.current,
        present: () => present,
        epoch: () => epoch,
        onEvent: (event) => {
          if (event.type === 'pass') this.#counts.passes++
          if (event.type === 'launched') this.#counts.launched++
          this.#tell(event)
        },
      })
    }
    this.#roles = this.#roles.then(turn).catch((error: unknown) => {
      this.#onTrouble(error)
      // As master we would do nothing until the next change of roles.
      if (epoch !== undefined) this.#mastership?.resign()
    })
  }

  /** Of jobs that are carried nobody else can put back what we have not begun. */
  async #returnOwn(why: string): Promise<void> {
    const { queue, store, isCarried } = this.#cluster
    if (!isCarried) return
    try {
      const { returned } = await reclaim(queue.context, store, this.#options.server, true)
      for (const id of returned) this.#tell({ type: 'returned', id, why })
    } catch (error) {
      this.#onTrouble(error)
    }
  }

  /** What jobs of ours have that have ended, since an earlier life of ours ended before it freed that. */
  async #freeGone(): Promise<void> {
    const { server } = this.#options
    const { queue, store, isCarried } = this.#cluster
    if (this.#isFreeing) return
    this.#isFreeing = true
    try {
      await freeGone(queue.context, store, this.#feed.current, (launched, item) => {
        if (launched.server !== server || this.#executor.isAtWork(launched)) return false
        // What is carried may be on its way to us; what we began, or have finished, is not.
        const isOver = (['fail', 'done'] as const).some((state) =>
          isFinished(queue.context, item, server, state),
        )
        return !isCarried || launched.run !== undefined || isOver
      })
      if (!isDown(this.#own)) return
      await this.#returnOwn(`${server} is disabled`)
      await this.#releaseLost()
    } catch (error) {
      this.#onTrouble(error)
    } finally {
      this.#isFreeing = false
    }
  }

  /** While we are out of service our worker looks at nothing, and what was running when we were lost is held. */
  async #releaseLost(): Promise<void> {
    const { server } = this.#options
    for (const [item, { value }] of await this.#cluster.store.launches.list()) {
      const { run } = value
      if (value.server !== server || run === undefined) continue
      if (isRunning(run.program ?? run.service) !== false) continue
      await unlessElsewhere(releaseJob(this.#cluster, item)).catch(this.#onTrouble)
    }
  }

  readonly #onTrouble = (error: unknown): void => {
    this.#tell({ type: 'trouble', error: asFsqError(error) })
  }

  #tell(event: ServiceEvent): void {
    this.#options.onEvent?.(event)
  }
}

function runnerOf(work: JobWork): JobRunner {
  return typeof work === 'string' ? programJob(work) : handlerJob(work)
}

function isDisabledNow(
  queue: QueueContext,
  name: string,
  present: ReadonlyMap<string, Presence>,
): boolean {
  return present.get(name)?.disabled === true || isDisabled(queue, name)
}
