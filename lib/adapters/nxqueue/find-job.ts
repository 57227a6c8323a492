import { FsqError } from '../../errors.js'
import { fromByteString, toByteString } from '../../name/charset.js'
import { parseItemName } from '../../name/item-name.js'
import { hostContext, type QueueContext, type State } from '../../queue/context.js'
import { listHosts } from '../../queue/hosts.js'
import { listEntries } from '../../queue/list-entries.js'
import type { Cluster } from './cluster.js'
import { isName } from './job-item.js'
import type { JobRecord } from './store.js'

/** Where a job is. */
export interface FoundJob {
  readonly jobID: string
  /** The queue that it is in, or the host queue. */
  readonly context: QueueContext
  readonly state: State
  /** The name of its item. */
  readonly id: string
}

/**
 * Where the job is that has this jobID, or whose item has this name. One that waits, or runs, comes before
 * one that has ended, and of those the newest.
 *
 * @throws `FsqError` `FSQ_NO_QUEUE`, `FSQ_SCAN`
 */
export async function findJob(
  { queue }: Pick<Cluster, 'queue'>,
  wanted: string,
): Promise<FoundJob | undefined> {
  const { context } = queue
  const contexts = [context, ...listHosts(context).map((host) => hostContext(context, host))]
  for (const states of [['queue'], ['done', 'fail']] as const) {
    const found = contexts.flatMap((each) =>
      states.flatMap((state) => inDirectory(each, state, wanted)),
    )
    const newest = found.sort((a, b) => (a.id < b.id ? 1 : -1))[0]
    if (newest !== undefined) return newest
  }
  return undefined
}

/** What is known of a job; one that is carried may be on another machine. */
export interface KnownJob {
  readonly jobID: string
  /** Its item, where it is here, or was. */
  readonly found: FoundJob | undefined
  /** What the servers know of it together. */
  readonly record: JobRecord | undefined
  /** It has not ended, and does not wait or run here; its item is in done/ then, if it was forwarded. */
  readonly isElsewhere: boolean
}

/**
 * What is known of a job by its jobID, or by the name of its item where that is here.
 *
 * @throws `FsqError` `FSQ_NO_ITEM` where there is none; as {@link findJob}; what the store throws
 */
export async function knownJob(cluster: Cluster, wanted: string): Promise<KnownJob> {
  const { queue, store, isCarried } = cluster
  const found = await findJob(cluster, wanted)
  const jobID = found?.jobID ?? wanted
  const mayBeKnown = found !== undefined || (isCarried && isName(wanted))
  const record = mayBeKnown ? (await store.jobs.get(jobID))?.value : undefined
  if (found === undefined && record === undefined) {
    const message = `no such job in ${queue.name}: ${wanted}`
    throw new FsqError('FSQ_NO_ITEM', message, { queue: queue.name })
  }
  const isElsewhere = isCarried && found?.state !== 'queue' && record?.ended === undefined
  return { jobID, found, record, isElsewhere }
}

function inDirectory(context: QueueContext, state: State, wanted: string): FoundJob[] {
  const found: FoundJob[] = []
  for (const entry of listEntries(context, context.paths[state])) {
    const job = jobOfName(context, entry)
    if (job?.jobID === wanted || job?.id === wanted) found.push({ ...job, context, state })
  }
  return found
}

function jobOfName(
  { reading }: QueueContext,
  entry: string,
): { readonly jobID: string; readonly id: string } | undefined {
  try {
    const id = fromByteString(entry, reading.charset)
    const [jobID] = parseItemName(id, reading).arguments
    return jobID === undefined ? undefined : { jobID, id }
  } catch {
    return undefined // Not an item.
  }
}

/** The name of an item as a byte string. */
export function entryOf({ context, id }: FoundJob): string {
  return toByteString(id, context.reading.charset)
}
