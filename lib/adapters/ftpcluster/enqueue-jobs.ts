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
import { readAll } from './read-all.js'

/** A job, and where it comes from. */
export interface NewJobItem {
  readonly job: Job
  readonly origin: Origin
}

/** Puts jobs into their queues, which are made where they are missing. */
export class Intake {
  readonly #root: Root
  readonly #cluster: Cluster
  readonly #queues = new Map<Job['type'], Promise<Queue>>()

  constructor(root: Root, cluster: Cluster) {
    this.#root = root
    this.#cluster = cluster
  }

  /**
   * Puts jobs into their queues, synced together; how many of them were not there already. A name that is
   * another job's, which chance alone brings about, is passed over: no line is ever taken for another.
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
    const queue = await this.#queueFor(job.type)
    const body = bodyOf(job)
    for (let { number } = origin; ; number += nextAfter) {
      const id = itemNameFor(queue.context, this.#cluster, job, { ...origin, number })
      if (await queue.receive(id, body)) return true
      if (await isSame(queue.context, id, body)) return false
    }
  }

  async #queueFor(type: Job['type']): Promise<Queue> {
    let queue = this.#queues.get(type)
    if (queue === undefined) {
      queue = this.#installed(this.#root.queue(queueNames[type]))
      this.#queues.set(type, queue)
    }
    return queue
  }

  async #installed(queue: Queue): Promise<Queue> {
    checkName(this.#root, this.#cluster)
    await queue.install({ ifExists: 'ignore' })
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
