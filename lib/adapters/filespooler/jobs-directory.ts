import { errnoOf, FsqError, reasonOf } from '../../errors.js'
import { listNames } from '../../posix/names.js'
import { entryPath, type Path } from '../../posix/path.js'
import { turn } from '../../turn.js'
import type { Job } from './job.js'
import { readJob, readPlainJob } from './open-job.js'
import { whyUnsafe } from './screen.js'

/** A job in a queue. */
export interface QueuedJob {
  /** The name of its file, as text. */
  readonly name: string
  /** The same as a byte string: a letter for each byte, since names need not be text. */
  readonly entry: string
  /** What its header says. */
  readonly job: Job
}

/** A file in a queue that has the name of a job and cannot be run as one. */
export interface RejectedFile {
  /** The name of the file, as text. */
  readonly name: string
  /** The same as a byte string: a letter for each byte, since names need not be text. */
  readonly entry: string
  /** Why. */
  readonly reason: string
  /**
   * `undecodable` is passed over, by fspl(1) too; `unsafe` decodes, and makes fspl(1) crash or stick;
   * `unreadable` may be a job: it could not be opened, or its decoder not be run.
   */
  readonly kind: 'undecodable' | 'unsafe' | 'unreadable'
}

/** What is in jobs/. */
export interface JobsListing {
  /** By their numbers; those of one number by their names. */
  readonly jobs: readonly QueuedJob[]
  /** In no order. */
  readonly rejected: readonly RejectedFile[]
}

/** Whether a directory entry is a job, by its name alone (filespooler: fspl-*.fspl). */
export function isJobName(entry: string): boolean {
  return entry.startsWith('fspl-') && entry.endsWith('.fspl') && entry.length >= 'fspl-.fspl'.length
}

/** The name of a file as text, with \ufffd for what is none. */
export function textOfEntry(entry: string): string {
  return Buffer.from(entry, 'latin1').toString()
}

/** So many decoders run at a time. */
const decoders = 4

/**
 * Reads the headers of the jobs in a directory.
 *
 * @param known - jobs that were read before, by their entries, and are not read again
 * @throws `FsqError` `FSQ_FILESPOOLER` where it cannot be listed.
 */
export async function listJobs(
  directory: string,
  decoder?: string,
  known?: ReadonlyMap<string, QueuedJob>,
  signal?: AbortSignal,
): Promise<JobsListing> {
  const jobs: QueuedJob[] = []
  const rejected: RejectedFile[] = []
  const look = (entry: string, read: (path: Path) => Job): void => {
    const name = textOfEntry(entry)
    try {
      const job = read(entryPath(directory, entry))
      const reason = whyUnsafe(job)
      if (reason !== undefined) rejected.push({ name, entry, reason, kind: 'unsafe' })
      jobs.push({ name, entry, job })
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return // Somebody was faster, or it is a link to nothing.
      const isJob = error instanceof FsqError && error.code === 'FSQ_JOB'
      const kind = isJob ? 'undecodable' : 'unreadable'
      rejected.push({ name, entry, reason: reasonOf(error), kind })
    }
  }
  const entries = listEntries(directory)[Symbol.iterator]()
  const readOn = async (): Promise<void> => {
    for (const entry of { [Symbol.iterator]: () => entries }) {
      signal?.throwIfAborted()
      const before = known?.get(entry)
      if (before !== undefined) jobs.push(before)
      else if (decoder === undefined) {
        look(entry, readPlainJob)
        await turn()
      } else {
        const path = entryPath(directory, entry)
        const read = await readJob(path, decoder, signal).then(
          (job) => () => job,
          (error: unknown) => () => {
            throw error
          },
        )
        look(entry, read)
      }
    }
  }
  const readers = decoder === undefined ? 1 : decoders
  await Promise.all(Array.from({ length: readers }, readOn))
  signal?.throwIfAborted()
  jobs.sort(bySequence)
  return { jobs, rejected }
}

function listEntries(directory: string): string[] {
  try {
    return listNames(directory).filter(isJobName)
  } catch (cause) {
    throw new FsqError('FSQ_FILESPOOLER', `cannot list ${directory}: ${reasonOf(cause)}`, {
      path: directory,
      cause,
    })
  }
}

function bySequence(one: QueuedJob, other: QueuedJob): number {
  const [a, b] = [one.job.sequence, other.job.sequence]
  return a < b ? -1 : a > b ? 1 : one.entry < other.entry ? -1 : 1
}
