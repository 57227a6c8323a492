import { crc32 } from '../../crc32.js'
import { syncDirectory } from '../../posix/directory-sync.js'
import { close, isSameFile, readPieces, statFile } from '../../posix/files.js'
import { removeIfThere } from '../../posix/names.js'
import { entryPath } from '../../posix/path.js'
import type { Root } from '../../root/root.js'
import { asideFor, dateOfAside, isAside, nameOfAside } from './aside.js'
import { type Cluster, openCluster } from './cluster.js'
import { JobQueues, type NewJobItem } from './job-queues.js'
import { importDeleted } from './import-deleted.js'
import { parseJob } from './job.js'
import { isBlank, linesOf } from './lines.js'
import { putBack, sweepUnfinished, UnfinishedFile } from './put-back.js'
import { clusterError, listQueueFiles, openQueueFile } from './queue-files.js'
import { lockQueue, type QueueLockOptions } from './queue-lock.js'
import { setAside } from './set-aside.js'
import { busy, NotOurs, Watch } from './watch.js'

/*
 * Import: the lines of queue files become work-items. The programs of the cluster may append to the files
 * meanwhile; what they write is in a file that we took, before we read its end, or in another.
 *
 *   1. take the lock                                    a lock that is stale
 *   2. open a queue file, unless somebody writes to it  the same
 *   3. rename it to a name that nobody appends to,      the file aside: the next import goes on with it
 *      and sync .queue
 *   4. enqueue its lines, synced                        some lines are items, too; the same again, by their
 *                                                       names, when the next import comes to them
 *   5. if somebody has opened it since 2, wait until    the same
 *      they have closed it, and go on with 4
 *   6. unlink it; or replace it by what is behind its   all its lines are items; an incomplete one is in a
 *      last line break, and give that its name back     file aside, which the next import gives its name
 *   7. if somebody opened it between 5 and 6, wait,     what they wrote is lost only if we are killed here
 *      and take what they wrote
 *
 * Who opens a file by its name has found it before 3, or makes a new one. Between the two lie microseconds,
 * between 3 and 6 the sync of all lines: for 7 to have something to do, a process must have been held up in
 * the middle of its open(2) all that time.
 */

/** What an import tells as it goes. Names of files are byte strings. */
export type ImportEvent =
  | {
      /** A file has become work-items, and is gone. */
      readonly type: 'imported'
      /** The name of the file. */
      readonly file: string
      /** How many items were added. */
      readonly added: number
      /** How many were there already, of an import that was cut off. */
      readonly present: number
      /** How many of them are no job that is known, and are kept in `ftpc-opaque`. */
      readonly opaque: number
    }
  | {
      /** A file was left as it is. */
      readonly type: 'left'
      /** The name of the file. */
      readonly file: string
      /** Why. */
      readonly reason: string
    }
  | {
      /** A lock was taken over or broken. */
      readonly type: 'lock'
      /** Which, in words. */
      readonly message: string
    }

/** How an import is made. */
export interface ImportOptions extends Pick<QueueLockOptions, 'breakLock'> {
  /** The name of the cluster in its items. @defaultValue the last part of the path of its home */
  readonly name?: string
  /** Is told what becomes of each file. */
  readonly onEvent?: (event: ImportEvent) => void
  /** Ends the import, with the signal's reason. The next goes on with it. */
  readonly signal?: AbortSignal
}

/** What an import came to. */
export interface ImportResult {
  /** How many files have become items. */
  readonly files: number
  /** How many items were added. */
  readonly added: number
  /** How many were there already. */
  readonly present: number
  /** How many of all these are no job that is known. */
  readonly opaque: number
  /** How many files were left as they are. */
  readonly left: number
}

/**
 * Turns the jobs in the queue files of an ftpcluster, and the link files of what was deleted, into work-items.
 * Its queues are made where they are missing. A file to which somebody writes at the moment is left for the
 * next time, and so is a line without its end.
 *
 * @param root - where the queues are
 * @param home - the home of the cluster
 * @throws `FsqError` `FSQ_CLUSTER`, `FSQ_CLUSTER_LOCKED`, and what `queue.receive` throws:
 * nothing is lost then, the next import goes on.
 */
export async function importCluster(
  root: Root,
  home: string,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const { signal } = options
  signal?.throwIfAborted()
  const cluster = openCluster(home, options)
  const result = { files: 0, added: 0, present: 0, opaque: 0, left: 0 }
  const tell = (event: ImportEvent): void => {
    if (event.type === 'left') result.left++
    if (event.type === 'imported') {
      result.files++
      result.added += event.added
      result.present += event.present
      result.opaque += event.opaque
    }
    options.onEvent?.(event)
  }
  const lock = await lockQueue(cluster, {
    breakLock: options.breakLock === true,
    onMessage: (message) => {
      tell({ type: 'lock', message })
    },
  })
  try {
    const queues = new JobQueues(root, cluster)
    sweepUnfinished(cluster.paths.queue)
    for (const name of listQueueFiles(cluster)) {
      signal?.throwIfAborted()
      const event = await importFile(cluster, name, queues, signal).catch((error: unknown) => {
        throw clusterError(`cannot import ${name}`, `${cluster.paths.queue}/${name}`, error)
      })
      if (event !== undefined) tell(event)
    }
    await importDeleted(cluster, queues, tell, signal)
    return result
  } finally {
    lock[Symbol.dispose]()
  }
}

/** So many jobs are on their way at a time. */
const batchSize = 256

/** A queue file that is being imported. */
interface Taken {
  readonly cluster: Cluster
  readonly queues: JobQueues
  readonly fd: number
  /** The name that it has now. */
  readonly aside: string
  readonly signal: AbortSignal | undefined
  /** Up to where its lines have become items. */
  offset: number
  /** How many lines that is. */
  lines: number
  /** Up to where it has been read. */
  seen: number
  added: number
  present: number
  opaque: number
}

/** Imports a file; what came of it, or nothing where it was gone. */
async function importFile(
  cluster: Cluster,
  name: string,
  queues: JobQueues,
  signal: AbortSignal | undefined,
): Promise<ImportEvent | undefined> {
  const file = isAside(name) ? nameOfAside(name) : name
  const left = (reason: string): ImportEvent => ({ type: 'left', file, reason })
  const fd = openQueueFile(cluster, name)
  if (fd === undefined) return undefined
  if (typeof fd === 'object') return left(fd.reason)
  const watch = new Watch(fd)
  try {
    const reason = isAside(name) ? undefined : await whyNot(fd)
    if (reason !== undefined) return left(reason)
    if (!watch.begin()) return left(busy)
    const aside = isAside(name) ? name : await setAside(cluster, name, fd)
    if (aside === undefined) return left('another took its name')
    // Whoever opened it just before it was renamed waits until we let go.
    if (watch.isBroken()) watch.end()
    const counts = { offset: 0, lines: 0, seen: 0, added: 0, present: 0, opaque: 0 }
    const taken: Taken = { cluster, queues, fd, aside, signal, ...counts }
    const isQuiet = (): boolean => !watch.isBroken() && statFile(fd).size === taken.seen
    for (;;) {
      await enqueueLines(taken)
      if (isQuiet()) break
      if (!(await watch.beginAgain())) return left(busy)
    }
    const isGone = await remove(taken)
    if (isGone && !isQuiet()) await takeLate(taken, watch)
    const { added, present, opaque } = taken
    return { type: 'imported', file, added, present, opaque }
  } catch (error) {
    if (error instanceof RangeError) return left(error.message)
    if (error instanceof NotOurs) return left(error.message)
    throw error
  } finally {
    watch.end()
    close(fd)
  }
}

/** Why nothing is to be done about a file now, if that is so. */
async function whyNot(fd: number): Promise<string | undefined> {
  let whole = 0
  let rest = 0
  for await (const { complete } of linesOf(readPieces(fd, 0))) {
    if (complete) whole++
    else rest++
  }
  return rest > 0 && whole === 0 ? 'its line has no end' : undefined
}

/** Enqueues the complete lines that have not been enqueued. */
async function enqueueLines(taken: Taken): Promise<void> {
  const { queues, fd, aside, signal, offset, lines } = taken
  const [date, source] = [dateOfAside(aside), crc32(Buffer.from(aside, 'latin1'))]
  let batch: NewJobItem[] = []
  let end = offset
  const flush = async (): Promise<void> => {
    signal?.throwIfAborted()
    const added = await queues.add(batch)
    taken.added += added
    taken.present += batch.length - added
    taken.opaque += batch.filter(({ job }) => job.type === 'opaque').length
    taken.offset = end
    batch = []
  }
  taken.seen = offset
  for await (const line of linesOf(readPieces(fd, offset))) {
    const length = line.bytes.length + (line.complete ? 1 : 0)
    taken.seen = offset + line.offset + length
    if (!line.complete) break
    end = taken.seen
    const number = lines + line.number
    taken.lines = number
    if (isBlank(line.bytes)) continue
    batch.push({ job: parseJob(line.bytes), origin: { date, number, source } })
    if (batch.length === batchSize) await flush()
  }
  await flush()
}

/**
 * Removes a file whose lines are items. What is behind its last line break gets its name; false where that is
 * the whole file, which then is a queue file again.
 */
async function remove(taken: Taken): Promise<boolean> {
  const { cluster, fd, aside, offset, seen } = taken
  const { queue } = cluster.paths
  if (offset === seen) {
    if (isSameFile(fd, entryPath(queue, aside))) removeIfThere(entryPath(queue, aside))
    await syncDirectory(queue)
    return true
  }
  if (offset > 0) await keepRest(taken, aside)
  await putBack(queue, aside, nameOfAside(aside))
  return offset > 0
}

/** Makes what is behind the last complete line a file aside. */
async function keepRest({ cluster, fd, offset, aside }: Taken, name: string): Promise<void> {
  const file = new UnfinishedFile(cluster.paths.queue)
  try {
    for await (const piece of readPieces(fd, offset)) await file.write(piece)
    await file.finish({ stat: statFile(fd), date: dateOfAside(aside) })
    await file.replace(name)
  } finally {
    file.discard()
  }
}

/** Takes what somebody wrote to a file that is gone, since they had found it before that. */
async function takeLate(taken: Taken, watch: Watch): Promise<void> {
  const { cluster, aside, fd, seen } = taken
  while (!(await watch.beginAgain())) taken.signal?.throwIfAborted()
  if (statFile(fd).size === seen) return
  await enqueueLines(taken)
  if (taken.offset === taken.seen) return
  const again = asideFor(nameOfAside(aside), dateOfAside(aside))
  await keepRest(taken, again)
  await putBack(cluster.paths.queue, again, nameOfAside(aside))
}
