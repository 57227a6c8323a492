import { FsqError, nameErrors } from '../../errors.js'
import { getCharset, toByteString } from '../../name/charset.js'
import { parseItemName } from '../../name/item-name.js'
import { inodeOf } from '../../posix/inode.js'
import { entryPath } from '../../posix/path.js'
import { hostContext, type QueueContext } from '../../queue/context.js'
import { listHosts } from '../../queue/hosts.js'
import { listEntries } from '../../queue/list-entries.js'
import { withLockedEntry } from '../../queue/locked-entry.js'
import type { Inventory } from './inventory.js'
import type { ReadyJob } from './job.js'
import { putBack } from './put-back.js'
import { unlessElsewhere } from './unless-elsewhere.js'
import type { ReadState } from './read-state.js'
import { recordCompleted, recordFailed } from './record-end.js'
import {
  free,
  freeAll,
  freeClaims,
  type KeptClaim,
  type Launched,
  launchOf,
  type Store,
} from './store.js'

/*
 * Mending what a master, or a server, left behind that was killed: claims without a job, and jobs at a
 * server that is not there. Everything about a job is done under the lock of its item, so whoever is at it
 * all the same, since it was only slow, is not disturbed: it is found locked, and left.
 */

/**
 * Frees what jobs have that wait: a master died while it launched them, or put them back.
 *
 * @returns of how many
 */
export async function freeWaiting(
  queue: QueueContext,
  store: Store,
  jobs: readonly ReadyJob[],
  { claims, launches }: ReadState,
): Promise<number> {
  const waiting = new Set(jobs.map(({ item }) => item))
  const stray = new Set([
    ...claims.map(({ item }) => item).filter((item) => waiting.has(item)),
    ...[...launches.keys()].filter((item) => waiting.has(item)),
  ])
  let freed = 0
  for (const item of stray) {
    // One whose name a server has as well is another file, put here by hand: the claims are the server's.
    if (isLaunched(queue, item)) continue
    const entry = toByteString(item, queue.reading.charset)
    await unlessElsewhere(
      withLockedEntry(queue, 'queue', entry, 'free what it claimed of', async () => {
        freed += await freeAll(store, item)
      }),
    )
  }
  return freed
}

function alone({ launch, resource }: KeptClaim): Pick<Launched, 'launch' | 'resources'> {
  return { launch, resources: [resource] }
}

/** A job that was running on a server that is not there. */
export interface HeldJob {
  readonly item: string
  readonly launched: Launched
}

/** What came of the jobs of a server that is not there, or out of service. */
export interface Reclaimed {
  /** The names of the items that are in queue/ again. */
  readonly returned: readonly string[]
  /** They may still be running there; nobody else may use what they have. */
  readonly held: readonly HeldJob[]
}

/**
 * Puts back the jobs that a server has not begun. Those that were running stay: whether they still are
 * nobody can tell from here, who cannot reach that server. {@link releaseJob} is for who knows.
 *
 * @param carried - jobs are carried between machines: the server is our own then
 * @throws `FsqError` what the queue or the store throws
 */
export async function reclaim(
  queue: QueueContext,
  store: Store,
  server: string,
  carried = false,
): Promise<Reclaimed> {
  const own = hostContext(queue, server)
  const returned: string[] = []
  const held: HeldJob[] = []
  for (const entry of entriesOf(own)) {
    await unlessElsewhere(
      withLockedEntry(own, 'queue', entry, 'put back', async (item) => {
        const launched = await launchOf(store, item.id)
        const isIts = launched?.server === server
        if (isIts && launched.run !== undefined) {
          held.push({ item: item.id, launched })
          return
        }
        // First: where it gets another name, nobody would know any more whose that is.
        if (isIts || launched === undefined) await freeAll(store, item.id)
        await putBack(own, queue, item, carried)
        returned.push(item.id)
      }),
    ).catch((error: unknown) => {
      if (!isOfItem(error)) throw error
    })
  }
  return { returned, held }
}

/** It is not an item, or one that cannot be moved: it stays, and keeps no other. */
function isOfItem(error: unknown): boolean {
  return error instanceof FsqError && (nameErrors.has(error.code) || error.code === 'FSQ_FINISH')
}

/** None where the server never had a host queue. */
function entriesOf(own: QueueContext): string[] {
  try {
    return listEntries(own, own.paths.queue)
  } catch (error) {
    if (error instanceof FsqError && error.code === 'FSQ_NO_QUEUE') return []
    throw error
  }
}

/**
 * Frees what jobs have that are nowhere any more: done, failed, or taken away by hand. What their servers could not
 * record of them, since they were killed or the store was away, is recorded before.
 *
 * @param isMine - of which jobs, by what was launched or claimed, and the names of their items
 */
export async function freeGone(
  queue: QueueContext,
  store: Store,
  inventory: Inventory,
  isMine: (launched: Pick<Launched, 'launch' | 'server' | 'run'>, item: string) => boolean,
): Promise<number> {
  let freed = 0
  const launches = await store.launches.list()
  for (const [item, { value }] of launches) {
    if (!isMine(value, item) || isThere(queue, item)) continue
    if ((await launchOf(store, item))?.launch !== value.launch) continue // It was recorded meanwhile.
    const at = queue.clock.now()
    if (isFinished(queue, item, value.server, 'fail')) await recordFailed(store, value, at)
    else if (value.run !== undefined && isFinished(queue, item, value.server, 'done')) {
      const [, kind] = parseItemName(item, queue.reading).arguments
      await recordCompleted(store, inventory, value, kind, at)
    }
    await free(store, item, value)
    freed++
  }
  for (const { value } of (await store.claims.list()).values()) {
    const { item } = value
    if (launches.has(item) || !isMine(value, item) || isThere(queue, item)) continue
    await freeClaims(store, alone(value))
    freed++
  }
  return freed
}

/** Whether a server has finished an item, on this machine. */
export function isFinished(
  queue: QueueContext,
  item: string,
  server: string,
  state: 'done' | 'fail',
): boolean {
  const entry = toByteString(item, queue.reading.charset)
  return inodeOf(entryPath(hostContext(queue, server).paths[state], entry)) !== undefined
}

/** Whether an item waits in the queue, or in one of its host queues. */
function isThere(queue: QueueContext, item: string): boolean {
  return isIn([queue], item) || isLaunched(queue, item)
}

/** Whether an item is in one of the host queues. */
export function isLaunched(queue: QueueContext, item: string): boolean {
  return isIn(
    listHosts(queue).map((host) => hostContext(queue, host)),
    item,
  )
}

function isIn(queues: readonly QueueContext[], item: string): boolean {
  const entry = toByteString(item, queues[0]?.reading.charset ?? getCharset('utf8'))
  return queues.some(({ paths }) => inodeOf(entryPath(paths.queue, entry)) !== undefined)
}
