import { errnoOf } from '../../errors.js'
import { toByteString } from '../../name/charset.js'
import { close, openEntry } from '../../posix/files.js'
import { entryPath } from '../../posix/path.js'
import type { QueueContext } from '../../queue/context.js'
import type { Queue } from '../../root/queue.js'
import type { Root } from '../../root/root.js'
import { checkName, claimName } from './claim-name.js'
import type { Cluster } from './cluster.js'
import { bodyOf, itemNameFor, type Origin, queueNames } from './job-items.js'
import type { Job } from './job.js'
import { formatNode, type Node } from './node.js'
import { readAll } from './read-all.js'

/** A job, and where it comes from. */
export interface NewJobItem {
  readonly job: Job
  readonly origin: Origin
}

/** The queues of a cluster's jobs. */
export class JobQueues {
  readonly #root: Root
  readonly #cluster: Cluster
  /** Those that are there, with the name of the cluster noted. */
  readonly #ready = new Map<Job['type'], Promise<Queue>>()
  /** So many jobs were submitted; it tells those of one second apart. */
  #submitted = 0

  constructor(root: Root, cluster: Cluster) {
    this.#root = root
    this.#cluster = cluster
  }

  /** The queue for a type of jobs. */
  of(type: Job['type']): Queue {
    return this.#root.queue(queueNames[type])
  }

  /** Makes a queue, and its host queues for these nodes, where they are missing. */
  async install(type: Job['type'], nodes: readonly Node[] = []): Promise<Queue> {
    const queue = await this.#root.install(queueNames[type], { ifExists: 'ignore' })
    const hosts = new Set(await queue.hosts())
    for (const host of nodes.map(formatNode))
      if (!hosts.has(host)) await queue.installHost(host, { ifExists: 'ignore' })
    return queue
  }

  /**
   * Puts jobs into their queues, which are made where they are missing, synced together; how many of them
   * were not there already. A name that is another job's, which chance alone brings about, is passed over:
   * no line is ever taken for another.
   *
   * @throws {@link FsqError} `FSQ_ENQUEUE` and the like, once none is under way any more; some are in then.
   */
  async add(jobs: readonly NewJobItem[]): Promise<number> {
    const ended = await Promise.allSettled(jobs.map((each) => this.#put(each)))
    let added = 0
    for (const result of ended) {
      if (result.status === 'rejected') throw result.reason
      if (result.value) added++
    }
    return added
  }

  async #put({ job, origin }: NewJobItem): Promise<boolean> {
    const queue = await this.#readyFor(job.type)
    const body = bodyOf(job)
    for (let { number } = origin; ; number += nextAfter) {
      const id = itemNameFor(queue.context, this.#cluster, job, { ...origin, number })
      if (await queue.receive(id, body)) return true
      if (await isSame(queue.context, id, body)) return false
    }
  }

  /** Puts a new job into its queue; returns when it is there to stay. */
  async submit(job: Job): Promise<void> {
    const origin = { date: new Date(), number: this.#submitted++, source: process.pid }
    await this.add([{ job, origin }])
  }

  /**
   * A queue to put jobs into.
   *
   * @throws {@link FsqError} `FSQ_CLUSTER` where the name is another cluster's
   */
  async #readyFor(type: Job['type']): Promise<Queue> {
    let queue = this.#ready.get(type)
    if (queue === undefined) {
      queue = this.#claimed(type)
      this.#ready.set(type, queue)
      // What failed once, on a full disk say, is tried again by the next job.
      queue.catch(() => this.#ready.delete(type))
    }
    return queue
  }

  async #claimed(type: Job['type']): Promise<Queue> {
    checkName(this.#root, this.#cluster)
    const queue = await this.install(type)
    await claimName(this.#root, this.#cluster)
    return queue
  }
}

/** No file has so many lines: the next number to try is that of none. */
const nextAfter = 2 ** 32

/** Whether the item of that name is the same job; so is one that has been done meanwhile. */
async function isSame(
  { paths, writing }: QueueContext,
  id: string,
  body: Buffer,
): Promise<boolean> {
  let fd: number | undefined
  try {
    fd = openEntry(entryPath(paths.queue, toByteString(id, writing.charset)))
    return (await readAll(fd)).equals(body)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true
    throw error
  } finally {
    if (fd !== undefined) close(fd)
  }
}
