import { isDown } from '../../queue/down.js'
import type { Cluster } from './cluster.js'
import { knownJob } from './find-job.js'
import type { Volume, VolumeState } from './inventory.js'
import type { ReadyJob } from './job.js'
import { knownMachine } from './own-machine.js'
import { acceptedInventory } from './accepted-inventory.js'
import { type Launch, plan, type PlanOptions, type Reason } from './plan.js'
import { presentServers } from './present-servers.js'
import { type BadJob, ReadyJobsReader } from './ready-jobs.js'
import { readState, type ReadState } from './read-state.js'
import type { AcceptedInventory, Launched } from './store.js'

/*
 * What a cluster is doing, for whoever looks at it: read, planned as the master would, and left as it is.
 */

/** A job that waits, and why. */
export interface WaitingJob {
  /** It. */
  readonly job: ReadyJob
  /** All of them; none: it would be launched now. */
  readonly reasons: readonly Reason[]
}

/** A job that was launched. */
export interface LaunchedJob extends Launched {
  /** The name of its item. */
  readonly item: string
  /**
   * `launched`: its server has not begun it; `running`; `held`: it was running on a server that is not
   * there any more, and has to be released by somebody who knows that it does not run.
   */
  readonly state: 'launched' | 'running' | 'held'
}

/** A server, and what it is doing. */
export interface ServerStatus {
  /** Its name. */
  readonly name: string
  /** `present`; `disabled`: out of service; `absent`: it says nothing. */
  readonly state: 'present' | 'disabled' | 'absent'
  /** Whether it is the first of those that can be master. */
  readonly isMaster: boolean
  /** What it can execute. */
  readonly kinds: readonly string[]
  /** How many jobs it may have at a time. */
  readonly slots: number
  /** How many it has. */
  readonly jobs: number
}

/** A drive, and what is in it. */
export interface DriveStatus {
  /** Its name. */
  readonly name: string
  /** The changer that loads it. */
  readonly changer: string
  /** What a job may ask for. */
  readonly type: string
  /** Whether it may be used. */
  readonly enabled: boolean
  /** The volume that is in it. */
  readonly volume: string | undefined
  /** The jobID of the job that has it. */
  readonly jobID: string | undefined
}

/** A volume, and how full it is. */
export interface VolumeStatus {
  /** Its name. */
  readonly name: string
  /** What may be done with it. */
  readonly state: VolumeState
  /** The group that it belongs to. */
  readonly group: string | undefined
  /** The changer that it is in; undefined for one on disk. */
  readonly changer: string | undefined
  /** In bytes. */
  readonly capacity: number
  /** In bytes. */
  readonly used: number
  /** In bytes, for jobs that are launched. */
  readonly reserved: number
  /** The drive that it is in. */
  readonly drive: string | undefined
  /** The jobIDs of those that have it. */
  readonly jobIDs: readonly string[]
}

/** All of it. */
export interface ClusterStatus {
  /** Whether the whole queue is down: nothing is launched then. */
  readonly isDown: boolean
  /** When the inventory was accepted, in milliseconds of the epoch, and why a later one was refused. */
  readonly inventory: Omit<AcceptedInventory, 'inventory'>
  /** In the order of the inventory. */
  readonly servers: readonly ServerStatus[]
  /** In the order of the inventory. */
  readonly drives: readonly DriveStatus[]
  /** In the order of the inventory. */
  readonly volumes: readonly VolumeStatus[]
  /** The jobs that are launched, or run. */
  readonly launched: readonly LaunchedJob[]
  /** The jobs that wait. */
  readonly waiting: readonly WaitingJob[]
  /** Items that are no jobs. */
  readonly bad: readonly BadJob[]
  /**
   * Whether `waiting` has all that wait: of jobs that are carried between machines only the machine of the master has
   * all.
   */
  readonly isComplete: boolean
}

/** What a pass would do now. */
export interface DryRun {
  /** What would be launched. */
  readonly launches: readonly Launch[]
  /** What would wait. */
  readonly waiting: readonly WaitingJob[]
  /** Items that are no jobs. */
  readonly bad: readonly BadJob[]
  /** Whether all jobs that wait were looked at, as {@link ClusterStatus.isComplete}. */
  readonly isComplete: boolean
}

/** What was looked at, and planned. */
interface Survey {
  readonly accepted: AcceptedInventory
  readonly state: ReadState
  readonly jobs: readonly ReadyJob[]
  readonly bad: readonly BadJob[]
  readonly launches: readonly Launch[]
  readonly reasons: ReadonlyMap<string, readonly Reason[]>
  /** The server that can be master first. */
  readonly master: string | undefined
  readonly isComplete: boolean
}

async function survey(cluster: Cluster, options: PlanOptions): Promise<Survey> {
  const { queue, store } = cluster
  const accepted = await acceptedInventory(cluster)
  const { jobs, bad } = await new ReadyJobsReader(queue.context).read()
  const present = await presentServers(cluster)
  const state = await readState(queue.context, store, accepted.inventory, jobs, present)
  const now = queue.context.clock.now()
  const { launches, waiting } = plan(jobs, accepted.inventory, state, now, options)
  const isUp = ({ name }: { readonly name: string }): boolean => {
    const server = state.servers.get(name)
    return server?.present === true && !server.disabled
  }
  const master = accepted.inventory.servers.find(isUp)?.name
  const isComplete =
    !cluster.isCarried || (await isHere(cluster, present.get(master ?? '')?.machine))
  return { accepted, state, jobs, bad, launches, reasons: waiting, master, isComplete }
}

async function isHere({ queue }: Cluster, machine: string | undefined): Promise<boolean> {
  return machine !== undefined && machine === (await knownMachine(queue.context))
}

/**
 * What a pass of the master would do now: what it would launch, and why the rest waits. Nothing is changed.
 *
 * @throws `FsqError` `FSQ_NXQUEUE` where no inventory was accepted yet; `FSQ_NO_QUEUE`, `FSQ_SCAN`
 */
export async function dryRun(cluster: Cluster, options: PlanOptions = {}): Promise<DryRun> {
  const { launches, jobs, reasons, bad, isComplete } = await survey(cluster, options)
  return { launches, waiting: waitingJobs(jobs, reasons), bad, isComplete }
}

/**
 * What the servers, drives, volumes and jobs of a cluster are doing.
 *
 * @throws `FsqError` as {@link dryRun}
 */
export async function clusterStatus(
  cluster: Cluster,
  options: PlanOptions = {},
): Promise<ClusterStatus> {
  const surveyed = await survey(cluster, options)
  const { accepted, state, jobs, bad, reasons, master, isComplete } = surveyed
  const { inventory, ...about } = accepted
  const launched = [...state.launches].map(([item, launch]): LaunchedJob => {
    return { ...launch, item, state: stateOf(state, launch) }
  })
  return {
    isDown: isDown(cluster.queue.context),
    inventory: about,
    servers: inventory.servers.map(({ name, slots }): ServerStatus => {
      const server = state.servers.get(name)
      const present = server?.present === true ? 'present' : 'absent'
      return {
        ...{ name, slots, kinds: server?.kinds ?? [], isMaster: name === master },
        state: server?.disabled === true ? 'disabled' : present,
        jobs: launched.filter((job) => job.server === name).length,
      }
    }),
    drives: inventory.drives.map(({ name, changer, type, enabled }) => {
      const job = launched.find(({ resources }) =>
        resources.some((each) => each.kind === 'drive' && each.name === name),
      )
      const mounted = inventory.volumes.flatMap(({ name: volume }) =>
        state.volumes.get(volume)?.mounted === name ? [volume] : [],
      )
      // Beside that of its job, what that unloads.
      const volume = mounted.find((each) => each === job?.volume) ?? mounted[0]
      return { name, changer, type, enabled, volume, jobID: job?.jobID }
    }),
    volumes: inventory.volumes.map((volume) => volumeStatus(volume, state, launched)),
    launched,
    waiting: waitingJobs(jobs, reasons),
    bad,
    isComplete,
  }
}

/**
 * Why a job waits, or where it is.
 *
 * @param wanted - its jobID, or the name of its item where that is here
 * @throws `FsqError` `FSQ_NO_ITEM`; as {@link dryRun}
 */
export async function explainJob(
  cluster: Cluster,
  wanted: string,
  options: PlanOptions = {},
): Promise<Explanation> {
  const surveyed = await survey(cluster, options)
  const { jobs, reasons, launches, state, bad, master, isComplete } = surveyed
  const job = jobs.find(({ jobID, item }) => jobID === wanted || item === wanted)
  if (job !== undefined) {
    const launch = launches.find(({ job: { item } }) => item === job.item)
    const why = (await cluster.store.jobs.get(job.jobID))?.value.why
    return {
      ...{ state: 'ready', job, reasons: reasons.get(job.item) ?? [] },
      ...(!isComplete && { isAway: true }),
      ...(launch && isComplete && { launch }),
      ...(why !== undefined && { why }),
    }
  }
  const byName = bad.find(({ item }) => item === wanted)
  if (byName !== undefined) return { state: 'bad', ...byName }
  for (const [item, launch] of state.launches)
    if (launch.jobID === wanted || item === wanted)
      return { ...launch, item, state: stateOf(state, launch) }
  const { jobID, found, record, isElsewhere } = await knownJob(cluster, wanted)
  const wrong = bad.find(({ item }) => item === found?.id)
  if (wrong !== undefined) return { state: 'bad', ...wrong }
  const { why } = record ?? {}
  if (isElsewhere)
    return {
      ...{ state: 'elsewhere', jobID },
      ...(master !== undefined && !isComplete && { master }),
      ...(record?.cancel && { cancel: true }),
      ...(record?.submitting !== undefined && { isCut: true }),
      ...(why !== undefined && { why }),
    }
  const isEnded = found?.state !== 'queue'
  const ended = record?.ended ?? (found?.state === 'done' ? 'completed' : 'failed')
  const server = record?.server ?? found?.context.host?.name
  return {
    ...{ state: isEnded ? ended : 'returning', jobID },
    ...(found !== undefined && { item: found.id }),
    ...(server !== undefined && { server }),
    ...(record?.ended !== undefined && { at: record.at }),
    ...(why !== undefined && { why }),
  }
}

/** What became of a job, or why nothing has yet. */
export type Explanation =
  | {
      /** It waits; without reasons it would be launched by the next pass. */
      readonly state: 'ready'
      /** It. */
      readonly job: ReadyJob
      /** All of them. */
      readonly reasons: readonly Reason[]
      /** What it would be launched with now. */
      readonly launch?: Launch
      /** Why it failed temporarily the last time. */
      readonly why?: string
      /** It is to be carried to the machine of the master first. */
      readonly isAway?: true
    }
  | (BadJob & {
      /** It is no job. */
      readonly state: 'bad'
    })
  | LaunchedJob
  | {
      /** It waits on another machine, or is on its way between two. */
      readonly state: 'elsewhere'
      /** Its jobID. */
      readonly jobID: string
      /** Who plans it, if that is not here. */
      readonly master?: string
      /** It was cancelled, and ends there. */
      readonly cancel?: true
      /** It is not certain that it was submitted: that may have been cut. */
      readonly isCut?: true
      /** Why it failed temporarily the last time. */
      readonly why?: string
    }
  | {
      /**
       * It has ended; or `returning`: it is in the queue of a server, but not launched, as it failed temporarily or its
       * launch was undone, and goes back to the queue.
       */
      readonly state: 'completed' | 'failed' | 'cancelled' | 'returning'
      /** Its jobID. */
      readonly jobID: string
      /** The name of its item; undefined where that is on another machine. */
      readonly item?: string
      /** Where it was executed. */
      readonly server?: string
      /** When, in milliseconds of the epoch. */
      readonly at?: number
      /** Why it failed. */
      readonly why?: string
    }

function waitingJobs(
  jobs: readonly ReadyJob[],
  reasons: ReadonlyMap<string, readonly Reason[]>,
): WaitingJob[] {
  // Reasons are worked out when they are asked for, which for thousands of jobs takes a while.
  return jobs.map((job) => ({
    job,
    get reasons() {
      return reasons.get(job.item) ?? []
    },
  }))
}

function stateOf(state: ReadState, { run, server }: Launched): LaunchedJob['state'] {
  if (run === undefined) return 'launched'
  return state.servers.get(server)?.present === true ? 'running' : 'held'
}

function volumeStatus(
  { name, state, group, changer, capacity }: Volume,
  { volumes, claims }: ReadState,
  launched: readonly LaunchedJob[],
): VolumeStatus {
  const use = volumes.get(name)
  const its = claims.filter(({ resource }) => resource.kind === 'volume' && resource.name === name)
  return {
    ...{ name, state, group, changer, capacity, used: use?.used ?? 0, drive: use?.mounted },
    reserved: its.reduce((sum, { bytes }) => sum + bytes, 0),
    jobIDs: launched.filter(({ volume }) => volume === name).map(({ jobID }) => jobID),
  }
}
