import { FsqError } from '../../errors.js'
import { acceptedInventory } from './accepted-inventory.js'
import type { Cluster } from './cluster.js'
import type { Inventory } from './inventory.js'

/**
 * Takes a server out of service: nothing more is launched to it, and what it has not begun goes to others.
 * Marks its host queue as down.
 *
 * @throws `FsqError` `FSQ_NXQUEUE` where the inventory has no such server; `FSQ_CONFIG`, `FSQ_NO_QUEUE`
 */
export async function disableServer(cluster: Cluster, server: string): Promise<void> {
  checkServer((await acceptedInventory(cluster)).inventory, server)
  await cluster.queue.installHost(server, { ifExists: 'ignore' })
  await cluster.queue.downHost(server)
}

/**
 * Puts a server into service again. Harmless where it is.
 *
 * @throws `FsqError` as {@link disableServer}
 */
export async function enableServer(cluster: Cluster, server: string): Promise<void> {
  checkServer((await acceptedInventory(cluster)).inventory, server)
  await cluster.queue.installHost(server, { ifExists: 'ignore' })
  await cluster.queue.upHost(server)
}

/** @throws `FsqError` `FSQ_NXQUEUE` */
export function checkServer({ servers }: Inventory, server: string): void {
  if (servers.some(({ name }) => name === server)) return
  const names = servers.map(({ name }) => name).join(', ')
  throw new FsqError('FSQ_NXQUEUE', `no server ${server} in the inventory; it has ${names}`)
}
