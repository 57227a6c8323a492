import { FsqError } from '../../errors.js'
import { fromByteString, toByteString } from '../../name/charset.js'
import { parseItemName } from '../../name/item-name.js'
import { hostContext, type QueueContext } from '../../queue/context.js'
import { listHosts } from '../../queue/hosts.js'
import { listEntries } from '../../queue/list-entries.js'
import type { State } from '../../queue/failure.js'
import type { Cluster } from './cluster.js'

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

/** @throws `FsqError` `FSQ_NO_ITEM` where there is none; as {@link findJob}. */
export async function findJobOrThrow(
  cluster: Pick<Cluster, 'queue'>,
  wanted: string,
): Promise<FoundJob> {
  const found = await findJob(cluster, wanted)
  if (found !== undefined) return found
  const { name } = cluster.queue
  throw new FsqError('FSQ_NO_ITEM', `no such job in ${name}: ${wanted}`, { queue: name })
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
