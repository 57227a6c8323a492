import { FsqError } from '../../errors.js'
import type { Queue } from '../../root/queue.js'
import type { Root } from '../../root/root.js'
import type { Cluster } from './cluster.js'
import { bodyOf, itemNameFor, queueNames } from './job-items.js'
import type { Job } from './job.js'
import { formatNode, type Node } from './node.js'

/** The queues of a cluster's jobs. */
export class JobQueues {
  readonly #root: Root
  readonly #cluster: Cluster
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

  /** Puts a new job into its queue; returns when it is there to stay. */
  async submit(job: Exclude<Job, { type: 'opaque' }>, date: Date = new Date()): Promise<string> {
    const queue = this.of(job.type)
    for (;;) {
      const origin = { date, number: this.#submitted++, source: process.pid }
      const id = itemNameFor(queue.context, this.#cluster, job, origin)
      if (await receive(queue, id, job)) return id
    }
  }
}

async function receive(queue: Queue, id: string, job: Job): Promise<boolean> {
  try {
    return await queue.receive(id, bodyOf(job))
  } catch (cause) {
    if (!(cause instanceof FsqError) || cause.code !== 'FSQ_NO_QUEUE') throw cause
    await queue.install({ ifExists: 'ignore' })
    return queue.receive(id, bodyOf(job))
  }
}
