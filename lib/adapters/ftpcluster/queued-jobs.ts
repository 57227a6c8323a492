import { errnoOf, FsqError } from '../../errors.js'
import { fromByteString } from '../../name/charset.js'
import { type ParsedItemName, parseItemName } from '../../name/item-name.js'
import { compareNames } from '../../name/order.js'
import { close, openEntry, statFile } from '../../posix/files.js'
import { entryPath } from '../../posix/path.js'
import { claimEntry } from '../../queue/claim.js'
import { hostContext, type QueueContext } from '../../queue/context.js'
import { failure } from '../../queue/failure.js'
import { listHosts } from '../../queue/hosts.js'
import type { Item } from '../../queue/item.js'
import { listEntries } from '../../queue/list-entries.js'
import { printableName } from '../../queue/printable.js'
import type { Root } from '../../root/root.js'
import { checkName } from './claim-name.js'
import type { Cluster } from './cluster.js'
import { queueNames } from './job-items.js'
import { type Job, parseJob } from './job.js'
import { longestLine } from './lines.js'
import { readAll } from './read-all.js'

/*
 * The items of the queues of jobs, read back as jobs. A job that is for several nodes may wait in several
 * host queues, under one name but for its tries: that is one job.
 */

/** An item of a cluster's queues, which is one job. */
export interface JobItem {
  /** Its name, where it is in several host queues that of the first. */
  readonly id: string
  /** When it was made. */
  readonly date: Date
  /** The job. */
  readonly job: Job
  /** Where it is. */
  readonly places: readonly Place[]
}

/** An entry of a queue or of a host queue. */
interface Place extends Entry {
  readonly name: ParsedItemName
}

/** All that is kept of each while they are sorted: there may be many. */
interface Entry {
  readonly queue: QueueContext
  /** A byte string. */
  readonly entry: string
}

/** An item that was left where it is, and why. */
export interface SkippedItem {
  /** The queue. */
  readonly queue: string
  /** Its name. */
  readonly id: string
  /** Why. */
  readonly reason: string
}

/**
 * The jobs of a cluster that wait in the queues of those types, each queue in the order of their age, those of
 * its host queues among them. Items that are locked are told, too: claim them to know. A queue that is not
 * there has none.
 *
 * @throws {@link FsqError} `FSQ_NO_ROOT`, `FSQ_SCAN`, `FSQ_BODY`
 */
export async function* queuedJobs(
  root: Root,
  cluster: Cluster,
  types: readonly Job['type'][],
  onSkipped: (skipped: SkippedItem) => void,
): AsyncGenerator<JobItem> {
  for await (const queue of queuesOf(root, cluster, types))
    for (const group of groupsOf(placesIn(queue, 'queue', cluster, onSkipped)))
      yield* jobsOf(group, onSkipped)
}

/**
 * Where the jobs of a cluster are that failed for good: for each the queue, or the host queue.
 *
 * @throws {@link FsqError} `FSQ_NO_ROOT`, `FSQ_SCAN`
 */
export async function* failedJobs(
  root: Root,
  cluster: Cluster,
  types: readonly Job['type'][],
): AsyncGenerator<QueueContext> {
  for await (const queue of queuesOf(root, cluster, types))
    for (const place of placesIn(queue, 'fail', cluster, () => undefined)) yield place.queue
}

/** The queues of those types that are there. */
async function* queuesOf(
  root: Root,
  cluster: Cluster,
  types: readonly Job['type'][],
): AsyncGenerator<QueueContext> {
  checkName(root, cluster)
  const names = new Set(await root.queues())
  for (const name of new Set(types.map((type) => queueNames[type])))
    if (names.has(name)) yield root.queue(name).context
}

/** The items of a queue and its host queues that are the cluster's, in order. */
function placesIn(
  queue: QueueContext,
  state: 'queue' | 'fail',
  cluster: Cluster,
  onSkipped: (skipped: SkippedItem) => void,
): Entry[] {
  const places: Entry[] = []
  const { charset } = queue.reading
  for (const source of [queue, ...listHosts(queue).map((host) => hostContext(queue, host))]) {
    for (const entry of listEntries(source, source.paths[state])) {
      try {
        if (nameOf({ queue: source, entry }).hostname === cluster.name)
          places.push({ queue: source, entry })
      } catch (error) {
        if (!(error instanceof FsqError)) throw error
        const id = printableName(entry, charset)
        onSkipped({ queue: source.name, id, reason: `it is no work-item: ${error.message}` })
      }
    }
  }
  return places.sort((a, b) => compareNames(a.entry, b.entry))
}

/** Those that are one item but for its tries. They stand side by side, since the tries come last but one. */
function* groupsOf(entries: readonly Entry[]): Generator<Place[]> {
  let group: Place[] = []
  for (const each of entries) {
    const place = { ...each, name: nameOf(each) }
    const [first] = group
    if (first !== undefined && keyOf(first) !== keyOf(place)) {
      yield group
      group = []
    }
    group.push(place)
  }
  if (group.length > 0) yield group
}

function nameOf({ queue: { reading }, entry }: Entry): ParsedItemName {
  return parseItemName(fromByteString(entry, reading.charset), reading)
}

function keyOf({ name: { timestamp, entropy, pid, hostname, arguments: args } }: Place): string {
  return JSON.stringify([timestamp, entropy, pid, hostname, ...args])
}

/** The jobs of a group: one, unless somebody gave one name to several. */
async function* jobsOf(
  group: readonly Place[],
  onSkipped: (skipped: SkippedItem) => void,
): AsyncGenerator<JobItem> {
  const byLine = new Map<string, Place[]>()
  for (const place of group) {
    const line = await lineOf(place)
    if (line === undefined) continue
    if (line.includes(0x0a)) {
      const { queue, entry } = place
      const id = printableName(entry, queue.reading.charset)
      onSkipped({ queue: queue.name, id, reason: 'its body is not one line' })
      continue
    }
    const key = line.toString('latin1')
    byLine.set(key, [...(byLine.get(key) ?? []), place])
  }
  for (const [line, places] of byLine) {
    const [first] = places
    if (first === undefined) continue
    const { queue, entry, name } = first
    yield {
      id: printableName(entry, queue.reading.charset),
      date: name.enqueuedAt,
      job: parseJob(Buffer.from(line, 'latin1')),
      places,
    }
  }
}

/** The line in an item's body, without its end; nothing where the item is gone. What is too long has none. */
async function lineOf({ queue, entry }: Place): Promise<Buffer | undefined> {
  let fd: number | undefined
  try {
    fd = openEntry(entryPath(queue.paths.queue, entry))
    if (!statFile(fd).isFile() || statFile(fd).size > longestLine + 1) return Buffer.from('\n')
    const bytes = await readAll(fd)
    return bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    const id = printableName(entry, queue.reading.charset)
    throw failure('FSQ_BODY', `cannot read item ${id} of ${queue.name}`, error, queue, { id })
  } finally {
    if (fd !== undefined) close(fd)
  }
}

/**
 * Claims a job, wherever it is; those that wait for their time, too. Nothing is claimed, and the reason
 * told, where somebody is working on it or it is gone.
 */
export function claimJob({ places }: JobItem): readonly Item[] | { readonly reason: string } {
  const items: Item[] = []
  const limits = { maxTries: 0, ttl: 0 }
  for (const { queue, entry } of places) {
    const claim = claimEntry(queue, entry, { lock: true, open: true, early: true, limits })
    if ('item' in claim) {
      items.push(claim.item)
      continue
    }
    if ('malformed' in claim && claim.fd !== undefined) close(claim.fd)
    for (const item of items) item.close()
    return {
      reason:
        'skipped' in claim && claim.skipped === 'gone' ? 'it is gone' : 'somebody is working on it',
    }
  }
  return items
}
