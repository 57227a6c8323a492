import { errnoOf, FsqError, reasonOf } from '../../errors.js'
import { close, openEntry, readPieces, statFile } from '../../posix/files.js'
import { listNames } from '../../posix/names.js'
import { entryPath } from '../../posix/path.js'
import type { Cluster } from './cluster.js'
import type { Job } from './job.js'
import { readQueueFile } from './queue-file.js'
import { isQueueFileName } from './queue-file-name.js'
import { isAside, nameOfAside } from './aside.js'

/** A file of a cluster that was left as it is, and why. */
export interface SkippedFile {
  /** Its name; bytes that are not text as the characters of their numbers. */
  readonly file: string
  /** Why. */
  readonly reason: string
}

/**
 * The queue files of a cluster, by the order of their names, which is that of their age; those that an
 * import set aside and did not finish come first. Names are byte strings.
 *
 * @throws {@link FsqError} `FSQ_CLUSTER`
 */
export function listQueueFiles({ paths: { queue } }: Cluster): string[] {
  try {
    const names = listNames(queue)
    const isFile = (name: string): boolean => isQueueFileName(name)
    return [...names.filter(isAside).sort(), ...names.filter(isFile).sort()]
  } catch (cause) {
    throw clusterError(`cannot list ${queue}`, queue, cause)
  }
}

/** A job in a queue file. */
export interface FileJob {
  /** The name of the file, a byte string. */
  readonly file: string
  /** The job. */
  readonly job: Job
}

/**
 * The jobs in the queue files as they are now, in constant memory. Nothing is locked, nothing changed.
 *
 * @throws {@link FsqError} `FSQ_CLUSTER`
 */
export async function* jobsInFiles(
  cluster: Cluster,
  onSkipped: (skipped: SkippedFile) => void,
): AsyncGenerator<FileJob> {
  for (const name of listQueueFiles(cluster)) {
    const file = isAside(name) ? nameOfAside(name) : name
    const opened = openQueueFile(cluster, name)
    if (opened === undefined) continue
    if (typeof opened === 'object') {
      onSkipped({ file, reason: opened.reason })
      continue
    }
    try {
      for await (const { job } of readQueueFile(readPieces(opened, 0))) yield { file, job }
    } catch (error) {
      if (!(error instanceof RangeError)) throw clusterError(`cannot read ${file}`, file, error)
      onSkipped({ file, reason: error.message })
    } finally {
      close(opened)
    }
  }
}

/** {@link openFile} of `.queue`. */
export function openQueueFile(
  { paths: { queue } }: Cluster,
  name: string,
): number | { readonly reason: string } | undefined {
  return openFile(queue, name)
}

/**
 * Opens a file for reading; nothing where it is gone, and why not where it is no regular file or not ours to
 * read. A link is not followed: who can write to the directory must not make us read files from anywhere.
 */
export function openFile(
  directory: string,
  name: string,
): number | { readonly reason: string } | undefined {
  let fd: number
  try {
    fd = openEntry(entryPath(directory, name))
  } catch (error) {
    switch (errnoOf(error)) {
      case 'ENOENT':
        return undefined
      case 'ELOOP':
      case 'ENXIO':
      case 'ENODEV':
        return { reason: 'it is no regular file' }
      case 'EACCES':
        return { reason: reasonOf(error) }
      default:
        throw clusterError(`cannot open ${name}`, name, error)
    }
  }
  try {
    if (statFile(fd).isFile()) return fd
  } catch (error) {
    close(fd)
    throw error
  }
  close(fd)
  return { reason: 'it is no regular file' }
}

/** What to throw for a system call that failed on a file of a cluster. Other errors stay as they are. */
export function clusterError(attempt: string, path: string, cause: unknown): unknown {
  if (cause instanceof FsqError || errnoOf(cause) === undefined) return cause
  return new FsqError('FSQ_CLUSTER', `${attempt}: ${reasonOf(cause)}`, { path, cause })
}
