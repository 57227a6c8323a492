import type { Inventory } from './inventory.js'
import { type JobRecord, type Launched, type Store, update, type Written } from './store.js'

/*
 * What is recorded of a job once its item is finished, as long as it has what was claimed for it. Its server does so;
 * where that was killed, or the store was away, who frees what the job had (recover.ts). Each may be done again.
 */

/**
 * It is completed: what it wrote counts, and it has unloaded what was in its drive before.
 *
 * @param kind - what it did
 * @param at - in milliseconds of the epoch
 */
export async function recordCompleted(
  store: Store,
  inventory: Inventory,
  launched: Launched,
  kind: string | undefined,
  at: number,
): Promise<void> {
  const { jobID, server } = launched
  await recordUnloading(store, launched)
  if (kind === 'archive' || kind === 'format') await count(store, inventory, launched, kind)
  await update(store.jobs, jobID, (): JobRecord => ({ ended: 'completed', server, at }))
}

/** It failed for good; where somebody wanted it to end, it was cancelled. Who knows why says more than who does not. */
export async function recordFailed(
  { jobs }: Store,
  { jobID, server }: Pick<Launched, 'jobID' | 'server'>,
  at: number,
  why?: string,
): Promise<void> {
  await update(jobs, jobID, (job): JobRecord => {
    if (job?.ended === 'cancelled' || (job?.ended === 'failed' && why === undefined)) return job
    if (job?.cancel === true) return { ended: 'cancelled', server, at }
    return { ended: 'failed', server, ...(why !== undefined && { why }), at }
  })
}

async function recordUnloading({ mounts }: Store, { drive, volume }: Launched): Promise<void> {
  const mount = drive === undefined ? undefined : (await mounts.get(drive))?.value
  if (drive === undefined || mount === undefined || mount.volume !== volume) return
  const { before, tried, hasFailed: _, ...alone } = mount
  if (before === undefined && tried === undefined) return
  await update(mounts, drive, () => alone)
}

/** It failed, temporarily or for good: perhaps as its drive did not load its volume. */
export async function recordTried({ mounts }: Store, { drive, volume }: Launched): Promise<void> {
  const mount = drive === undefined ? undefined : (await mounts.get(drive))?.value
  if (drive === undefined || mount === undefined || mount.volume !== volume) return
  if (volume === undefined || mount.tried?.includes(volume) !== true) return
  await update(mounts, drive, () => ({ ...mount, hasFailed: true as const }))
}

async function count(
  store: Store,
  { volumes }: Inventory,
  { volume, bytes, launch }: Launched,
  kind: 'archive' | 'format',
): Promise<void> {
  const used = volumes.find(({ name }) => name === volume)?.used
  if (volume === undefined || used === undefined) return
  await update(store.written, volume, (written): Written => {
    if (written?.launch === launch) return written
    const before = written?.base === used ? written.bytes : 0
    return { base: used, bytes: kind === 'format' ? -used : before + bytes, launch }
  })
}
