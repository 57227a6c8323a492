import { FsqError } from '../../errors.js'
import { acceptedInventory } from './accepted-inventory.js'
import type { Cluster } from './cluster.js'
import { Master } from './master.js'
import type { PlanOptions } from './plan.js'
import { presentServers } from './present-servers.js'
import type { DryRun } from './survey.js'

/**
 * Makes one pass, as the master does: launches what can run now.
 *
 * @throws `FsqError` `FSQ_NXQUEUE` where a server is master, which makes passes itself, or where no inventory
 * was accepted yet; `FSQ_NO_QUEUE`, `FSQ_SCAN`
 */
export async function planOnce(cluster: Cluster, options: PlanOptions = {}): Promise<DryRun> {
  const { keyValues, queue, store, isCarried } = cluster
  const { inventory } = await acceptedInventory(cluster)
  using hold = await keyValues.hold('master', 'plan')
  if (hold === undefined) {
    const message = `a server of ${queue.name} is master, and makes passes itself; try a dry run`
    throw new FsqError('FSQ_NXQUEUE', message, { queue: queue.name })
  }
  const present = await presentServers(cluster)
  const master = new Master({
    ...{ queue: queue.context, store, carried: isCarried, options },
    inventory: () => inventory,
    present: () => present,
    epoch: () => hold.epoch,
    onEvent: () => undefined,
  })
  const { ready, launches, waiting } = await master.pass(true)
  const launched = new Set(launches.map(({ job: { item } }) => item))
  return {
    launches,
    waiting: ready.jobs
      .filter(({ item }) => !launched.has(item))
      .map((job) => ({ job, reasons: waiting.get(job.item) ?? [] })),
    bad: ready.bad,
    isComplete: !isCarried,
  }
}
