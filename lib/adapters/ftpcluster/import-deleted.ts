import { crc32 } from '../../crc32.js'
import { close, isSameFile, statFile } from '../../posix/files.js'
import { isDirectory, listNames, removeIfThere } from '../../posix/names.js'
import { entryPath } from '../../posix/path.js'
import type { Cluster } from './cluster.js'
import type { JobQueues } from './job-queues.js'
import type { ImportEvent } from './import.js'
import { makeJob } from './job.js'
import { longestLinkFile, parseLinkFile } from './link-file.js'
import { clusterError, openFile } from './queue-files.js'
import { readAll } from './read-all.js'
import { busy, NotOurs, Watch } from './watch.js'

/*
 * The link files of files that were deleted through FTP, in `.deleted`: a job for each copy, then the link
 * file goes. The names of the items come from the name of the file, its inode and when it came there, so
 * that a second import after a crash meets the same.
 */

/** Turns the link files in `.deleted` into jobs. */
export async function importDeleted(
  cluster: Cluster,
  queues: JobQueues,
  tell: (event: ImportEvent) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { deleted } = cluster.paths
  if (!isDirectory(`${deleted}/.`)) return
  for (const name of listNames(deleted).sort()) {
    signal?.throwIfAborted()
    try {
      const event = await importLink(cluster, name, queues)
      if (event !== undefined) tell(event)
    } catch (error) {
      throw clusterError(`cannot import ${name}`, `${deleted}/${name}`, error)
    }
  }
}

async function importLink(
  { paths: { deleted } }: Cluster,
  name: string,
  queues: JobQueues,
): Promise<ImportEvent | undefined> {
  const file = `.deleted/${name}`
  const left = (reason: string): ImportEvent => ({ type: 'left', file, reason })
  const path = entryPath(deleted, name)
  const fd = openFile(deleted, name)
  if (fd === undefined) return undefined
  if (typeof fd === 'object') return left(fd.reason)
  const watch = new Watch(fd)
  try {
    if (!watch.begin()) return left(busy)
    const stat = statFile(fd)
    const link = stat.size > longestLinkFile ? undefined : parseLinkFile(await readAll(fd))
    if (link === undefined) return left('it is no link file')
    // Half a path would be another file's.
    if (link.bytes.at(-1) !== 0x0a) return left('its last line has no end')
    const source = crc32(Buffer.from(`${file}:${stat.dev}:${stat.ino}:${stat.ctimeMs}`, 'latin1'))
    const jobs = link.copies.map((copy, at) => ({
      job: makeJob({ type: 'remove', ...copy }),
      origin: { date: stat.ctime, number: at + 1, source },
    }))
    const added = await queues.add(jobs)
    if (watch.isBroken() || !isSameFile(fd, path)) return left('it was changed meanwhile')
    removeIfThere(path)
    return { type: 'imported', file, added, present: jobs.length - added, opaque: 0 }
  } catch (error) {
    if (error instanceof NotOurs) return left(error.message)
    throw error
  } finally {
    watch.end()
    close(fd)
  }
}
