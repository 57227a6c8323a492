import { randomUUID } from 'node:crypto'
import { FsqError } from '../../errors.js'
import { toByteString } from '../../name/charset.js'
import { hostContext, type QueueContext } from '../../queue/context.js'
import { withLockedEntry } from '../../queue/locked-entry.js'
import { moveLocked } from '../../queue/move-item.js'
import type { Resource } from './cluster-state.js'
import type { Launch } from './plan.js'
import { isLaunched } from './recover.js'
import { unlessElsewhere } from './unless-elsewhere.js'
import {
  claimKey,
  free,
  freeClaims,
  type KeptClaim,
  type Launched,
  launchOf,
  type Store,
} from './store.js'

/*
 * Launching a job: it gets all that it needs, and goes to the host queue of its server. What a crash leaves
 * after each step:
 *
 *   1. flock(2) its item in queue/                  the job, ready
 *   2. free what a master that died in these        the same
 *      steps had claimed for it
 *   3. claim volume, drive and server, each by      the same, with claims; the next master that sees them
 *      create: who comes second gets nothing        does step 2
 *   4. record what is launched where                the same
 *   5. rename it to the host queue, to last         launched: the server executes it, which looks first
 *                                                   whether the record names it and the claims are there
 *
 * Another master that plans the same job at the same time finds it locked, or gone; one that plans another
 * for the same drive finds that claimed. So two masters are a waste, but no danger.
 */

/** Why a job was not launched although it was planned: somebody was faster. The next pass sees why. */
export type LaunchOutcome = 'launched' | 'taken' | 'gone'

/** What is claimed for a launch, in this order. */
export function resourcesOf({
  volume,
  volumePlace,
  drive,
  from,
  server,
  serverPlace,
}: Launch): Resource[] {
  return [
    ...(volume === undefined
      ? []
      : [{ kind: 'volume', name: volume, place: volumePlace ?? 0 } as const]),
    ...(from === undefined ? [] : [{ kind: 'drive', name: from, unloaded: true } as const]),
    ...(drive === undefined ? [] : [{ kind: 'drive', name: drive } as const]),
    { kind: 'server', name: server, place: serverPlace },
  ]
}

/**
 * @param now - in milliseconds of the epoch
 * @throws `FsqError` `FSQ_NO_QUEUE` where the server has no host queue, `FSQ_FINISH`; what the store throws.
 * Nothing is claimed then.
 */
export async function launchJob(
  queue: QueueContext,
  store: Store,
  launch: Launch,
  epoch: number,
  now: number,
): Promise<LaunchOutcome> {
  const { job, server } = launch
  const entry = toByteString(job.item, queue.reading.charset)
  return unlessElsewhere(
    withLockedEntry(queue, 'queue', entry, 'launch', async (item) => {
      // Another file of the same name, put here by hand: what is claimed in its name is the server's.
      if (isLaunched(queue, job.item))
        throw new FsqError('FSQ_NXQUEUE_JOB', `a job of that name is launched: ${job.item}`)
      await free(store, job.item, await launchOf(store, job.item))
      const launched = launchedBy(launch, epoch, now)
      const claimed: Resource[] = []
      try {
        for (const resource of launched.resources) {
          const claim = { ...pick(launched), resource, item: job.item }
          if (!(await claimResource(store, claim))) {
            await freeClaims(store, { ...launched, resources: claimed })
            return 'taken'
          }
          claimed.push(resource)
        }
        await store.launches.create(job.item, launched)
        await moveLocked(queue, hostContext(queue, server), item)
        return 'launched'
      } catch (error) {
        await free(store, job.item, { ...launched, resources: claimed })
        throw error
      }
    }),
  )
}

function launchedBy(launch: Launch, epoch: number, now: number): Launched {
  const { job, server, bytes, volume, drive } = launch
  return {
    ...{ launch: randomUUID(), jobID: job.jobID, server, resources: resourcesOf(launch) },
    ...{ bytes, epoch, launched: now },
    ...(volume !== undefined && { volume }),
    ...(drive !== undefined && { drive }),
  }
}

function pick({
  launch,
  jobID,
  server,
  bytes,
  epoch,
}: Launched): Omit<KeptClaim, 'resource' | 'item'> {
  return { launch, jobID, server, bytes, epoch }
}

/** What the same item claimed before is its: a master that died had not written the record yet. */
async function claimResource({ claims }: Store, claim: KeptClaim): Promise<boolean> {
  const key = claimKey(claim.resource)
  for (;;) {
    if ((await claims.create(key, claim)) !== undefined) return true
    const there = await claims.get(key)
    if (there === undefined) continue
    if (there.value.item !== claim.item) return false
    if ((await claims.replace(key, claim, there.revision)) !== undefined) return true
  }
}
