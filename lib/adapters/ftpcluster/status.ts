import { checkMembers } from '../../members.js'
import type { Root } from '../../root/root.js'
import { openCluster } from './cluster.js'
import { readNodes } from './read-nodes.js'
import type { Job } from './job.js'
import { queueNames } from './job-items.js'
import { formatNode, type Node, parseNode } from './node.js'
import { failedJobs, queuedJobs, type SkippedItem } from './queued-jobs.js'
import { jobsInFiles, type SkippedFile } from './queue-files.js'
import { walkSpace } from './space.js'

/** How many jobs of each type. */
export type JobCounts = Readonly<Record<Job['type'], number>>

/** How a node stands. */
export interface NodeStatus {
  /** The node. */
  readonly node: Node
  /**
   * `up`; `down`, where its host queue for one type of jobs is at least; `unknown`, where `.cluster.conf` does
   * not name it and files or jobs do.
   */
  readonly state: 'up' | 'down' | 'unknown'
  /** How many copies it has, as the link files say. */
  readonly files: number
  /** How many bytes these are. */
  readonly used: number
  /** How many jobs wait for it. */
  readonly jobs: JobCounts
  /** When the oldest of these was made. */
  readonly oldest?: Date
  /** How many failed for good; they are in fail/ of its host queues. */
  readonly failed: number
}

/** How a cluster stands. */
export interface ClusterStatus {
  /** The name of the cluster. */
  readonly name: string
  /** Its home. */
  readonly home: string
  /** How many files have how many copies; none: a content that is still here, or no link file at all. */
  readonly copies: ReadonlyMap<number, number>
  /** How many jobs wait as work-items, each once, for however many nodes it waits. */
  readonly jobs: JobCounts
  /** How many of them do not have their nodes yet. */
  readonly undispatched: number
  /** How many failed for good, once for each node that they failed on. */
  readonly failed: number
  /** How many jobs wait in `.queue`. */
  readonly inFiles: number
  /** When the oldest work-item was made. */
  readonly oldest?: Date
  /** The nodes, those of `.cluster.conf` first. */
  readonly nodes: readonly NodeStatus[]
}

/** Of which cluster, and who is told what. */
export interface StatusOptions {
  /** The name of the cluster in its items. @defaultValue the last part of the path of its home */
  readonly name?: string
  /** Is told of what was left out, and why. */
  readonly onSkipped?: (skipped: SkippedFile | SkippedItem) => void
}

const statusOptions = new Set<string>(['name', 'onSkipped'] satisfies (keyof StatusOptions)[])

/**
 * How a cluster stands now. All of its link files are read.
 *
 * @throws `FsqError` `FSQ_CLUSTER`, `FSQ_NO_ROOT`, `FSQ_SCAN`
 */
export async function clusterStatus(
  root: Root,
  home: string,
  options: StatusOptions = {},
): Promise<ClusterStatus> {
  checkMembers('an option of a status', options, statusOptions)
  const { onSkipped = () => undefined } = options
  const cluster = openCluster(home, options)
  const stations = new Map<string, Station>()
  const stationOf = (node: Node): Station => {
    const name = formatNode(node)
    const found = stations.get(name) ?? new Station(node)
    stations.set(name, found)
    return found
  }
  for (const node of readNodes(cluster)) stationOf(node).state = 'up'
  const copies = new Map<number, number>()
  for (const { link } of walkSpace(cluster.home)) {
    const count = link?.copies.length ?? 0
    copies.set(count, (copies.get(count) ?? 0) + 1)
    for (const { node } of link?.copies ?? []) stationOf(node).holds(link?.size ?? 0)
  }
  const total = new Waiting()
  let undispatched = 0
  const types = Object.keys(queueNames) as Job['type'][]
  for await (const { job, date, places } of queuedJobs(root, cluster, types, onSkipped)) {
    total.add(job, date)
    for (const { queue } of places) {
      const node = queue.host === undefined ? undefined : parseNode(queue.host.name)
      if (node === undefined) undispatched++
      else stationOf(node).waiting.add(job, date)
    }
  }
  let failed = 0
  for await (const { host } of failedJobs(root, cluster, types)) {
    failed++
    const node = host === undefined ? undefined : parseNode(host.name)
    if (node !== undefined) stationOf(node).failed++
  }
  await markDown(root, stations)
  let inFiles = 0
  for await (const { job } of jobsInFiles(cluster, onSkipped)) if (job.line.length > 0) inFiles++
  return {
    name: cluster.name,
    home: cluster.home,
    copies: new Map([...copies].sort(([one], [other]) => one - other)),
    ...total.status(),
    undispatched,
    failed,
    inFiles,
    nodes: [...stations.values()].map((station) => station.status()),
  }
}

/** Jobs that wait. */
class Waiting {
  readonly #jobs = { upload: 0, store: 0, replicate: 0, remove: 0, opaque: 0 }
  #oldest: Date | undefined

  add({ type }: Job, date: Date): void {
    this.#jobs[type]++
    if (this.#oldest === undefined || date < this.#oldest) this.#oldest = date
  }

  status(): { jobs: JobCounts; oldest?: Date } {
    const oldest = this.#oldest
    return { jobs: { ...this.#jobs }, ...(oldest && { oldest }) }
  }
}

class Station {
  readonly node: Node
  readonly waiting = new Waiting()
  state: NodeStatus['state'] = 'unknown'
  failed = 0
  #files = 0
  #used = 0

  constructor({ host, port }: Node) {
    this.node = { host, port }
  }

  holds(size: number): void {
    this.#files++
    this.#used += size
  }

  status(): NodeStatus {
    const { node, state, failed } = this
    return { node, state, files: this.#files, used: this.#used, ...this.waiting.status(), failed }
  }
}

async function markDown(root: Root, stations: ReadonlyMap<string, Station>): Promise<void> {
  const names = new Set(await root.queues())
  for (const name of Object.values(queueNames)) {
    if (!names.has(name)) continue
    const queue = root.queue(name)
    for (const host of await queue.hosts()) {
      const station = stations.get(host)
      if (station?.state === 'up' && (await queue.hostIsDown(host))) station.state = 'down'
    }
  }
}
