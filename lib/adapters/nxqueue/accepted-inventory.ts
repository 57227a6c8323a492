import { FsqError } from '../../errors.js'
import { checkQueue } from '../../queue/failure.js'
import type { Cluster } from './cluster.js'
import type { Inventory } from './inventory.js'
import { type AcceptedInventory, update } from './store.js'

const key = 'accepted'

/**
 * The inventory that a cluster goes by.
 *
 * @throws `FsqError` `FSQ_NXQUEUE` where there is none yet
 */
export async function acceptedInventory(cluster: Cluster): Promise<AcceptedInventory> {
  const accepted = await lastInventory(cluster)
  if (accepted !== undefined) return accepted
  const { name, context } = cluster.queue
  checkQueue(context)
  throw new FsqError(
    'FSQ_NXQUEUE',
    `${name} has no inventory yet: the first server that is given one accepts it ` +
      '(fsq nxqueue serve --inventory)',
    { queue: name },
  )
}

/** The same; undefined where there is none yet. */
export async function lastInventory(cluster: Cluster): Promise<AcceptedInventory | undefined> {
  return (await cluster.store.inventory.get(key))?.value
}

/**
 * Lets a cluster go by this inventory from now on: its servers that have none of their own.
 *
 * @throws `FsqError` what the store throws
 */
export async function publishInventory(cluster: Cluster, inventory: Inventory): Promise<void> {
  const { store, queue } = cluster
  const at = queue.context.clock.now()
  await update(store.inventory, key, () => ({ inventory, at }))
}

/** For whoever looks: an edit was refused, and the cluster goes by the last one. */
export async function refuseInventory(cluster: Cluster, why: FsqError): Promise<void> {
  const { store } = cluster
  const there = await store.inventory.get(key)
  if (there === undefined) return
  await store.inventory.replace(key, { ...there.value, refused: why.message }, there.revision)
}
