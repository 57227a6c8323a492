import { FsqError } from '../../errors.js'
import type { OwnerOptions } from '../../queue/ownership.js'
import type { Root } from '../../root/root.js'
import { type Cluster, openCluster } from './cluster.js'
import { readNodes } from './read-nodes.js'
import { JobQueues } from './job-queues.js'
import { formatNode, type Node } from './node.js'

/** The types of jobs that are done on nodes. */
const types = ['store', 'replicate', 'remove'] as const

/**
 * Takes a node out of service: its jobs wait, new files go to others, and no tries are spent on it.
 *
 * @throws `FsqError` `FSQ_CLUSTER` for a node that `.cluster.conf` does not name, `FSQ_CONFIG`
 */
export async function takeNodeDown(
  root: Root,
  home: string,
  node: Node,
  options: OwnerOptions = {},
): Promise<void> {
  const cluster = openCluster(home)
  const queues = new JobQueues(root, cluster)
  checkNode(cluster, node)
  for (const type of types) {
    const queue = await queues.install(type, [node])
    await queue.downHost(formatNode(node), options)
  }
}

/** Puts a node into service again. Harmless where it is. Throws as {@link takeNodeDown} does. */
export async function bringNodeUp(root: Root, home: string, node: Node): Promise<void> {
  const cluster = openCluster(home)
  const queues = new JobQueues(root, cluster)
  checkNode(cluster, node)
  for (const type of types) {
    const queue = await queues.install(type, [node])
    await queue.upHost(formatNode(node))
  }
}

function checkNode(cluster: Cluster, node: Node): void {
  const name = formatNode(node)
  const names = readNodes(cluster).map(formatNode)
  if (names.includes(name)) return
  throw new FsqError('FSQ_CLUSTER', `${name} is none of the nodes ${names.join(', ')}`)
}
