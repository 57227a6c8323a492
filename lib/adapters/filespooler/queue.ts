import { dirname } from 'node:path'
import { errnoOf, FsqError } from '../../errors.js'
import { syncDirectory } from '../../posix/directory-sync.js'
import { moveNoReplace, makeDirectory, removeIfThere, statEntry } from '../../posix/names.js'
import { entryPath } from '../../posix/path.js'
import {
  SequenceFile,
  type SequenceLock,
  type SequenceLockOptions,
} from '../../queue/sequence-file.js'
import { encodeHeader } from './header.js'
import type { Job } from './job.js'
import {
  type JobsListing,
  listJobs,
  type QueuedJob,
  type RejectedFile,
  textOfEntry,
} from './jobs-directory.js'
import { openJob, type OpenJob } from './open-job.js'
import { processJobs, type ProcessOptions, type ProcessResult, type Work } from './process.js'
import { makeJobName, publishJob } from './publish-job.js'
import { ambiguous, queueError } from './queue-error.js'

/** How jobs are read. */
export interface DecodeOptions {
  /** A command for `$SHELL -c` that gets what is in a job file and writes the job. @defaultValue none */
  readonly decoder?: string | undefined
  /** Ends decoders, and what waits for them. */
  readonly signal?: AbortSignal | undefined
}

/** How a queue is made. */
export interface InitOptions {
  /** Whether jobs can only be added: nobody can process them here. @defaultValue false */
  readonly appendOnly?: boolean | undefined
}

/** The paths of a queue. */
interface Paths {
  readonly jobs: string
  readonly nextseq: string
  readonly lock: string
  readonly rejected: string
  readonly fail: string
  readonly dispersing: string
}

/**
 * The directory of a Filespooler queue, as fspl(1) has it. Nothing is looked at before a method is called.
 *
 * @param directory - a path, as it is to be told to commands
 */
export function openFilespooler(directory: string): FilespoolerQueue {
  return new FilespoolerQueue(directory)
}

/**
 * Makes the directory of a queue, which must not be there; that above it must.
 *
 * @throws `FsqError` `FSQ_FILESPOOLER`
 */
export async function initFilespooler(
  directory: string,
  { appendOnly = false }: InitOptions = {},
): Promise<FilespoolerQueue> {
  const queue = new FilespoolerQueue(directory)
  try {
    makeDirectory(directory, 0o777)
    makeDirectory(queue.paths.jobs, 0o777)
    if (!appendOnly) {
      using lock = await queue.sequence.lock()
      await lock.read()
    }
    await syncDirectory(`${directory}/.`)
    await syncDirectory(`${dirname(directory)}/.`)
  } catch (cause) {
    throw queueError(`cannot make the queue ${directory}`, directory, cause)
  }
  return queue
}

/** A Filespooler queue. */
export class FilespoolerQueue {
  /** The directory, as it was given. */
  readonly directory: string
  /** @internal */
  readonly paths: Paths
  /** The sequence file: the number of the job that is to be run next. */
  readonly sequence: SequenceFile

  /** @internal */
  constructor(directory: string) {
    if (directory === '') throw new TypeError('Expected the path of a directory, got an empty one')
    this.directory = directory
    this.paths = {
      jobs: `${directory}/jobs`,
      nextseq: `${directory}/nextseq`,
      lock: `${directory}/nextseq.lock`,
      rejected: `${directory}/rejected`,
      fail: `${directory}/fail`,
      dispersing: `${directory}/dispersing`,
    }
    this.sequence = new SequenceFile(this.paths.nextseq)
  }

  /**
   * The jobs, by their numbers, and the files that are none although they are named so.
   *
   * @throws `FsqError` `FSQ_FILESPOOLER`
   */
  async list({ decoder, signal }: DecodeOptions = {}): Promise<JobsListing> {
    return listJobs(this.paths.jobs, decoder, undefined, signal)
  }

  /**
   * The job of a number.
   *
   * @throws `FsqError` `FSQ_NO_ITEM` where there is none, `FSQ_AMBIGUOUS` where there are several,
   * `FSQ_FILESPOOLER`
   */
  async find(sequence: bigint, options: DecodeOptions = {}): Promise<QueuedJob> {
    const { jobs } = await this.list(options)
    const [found, ...others] = jobs.filter(({ job }) => job.sequence === sequence)
    if (found === undefined)
      throw new FsqError(
        'FSQ_NO_ITEM',
        `Job ${sequence} not found in directory "${this.directory}"`,
      )
    if (others.length > 0) throw ambiguous(this.directory, [found, ...others])
    return found
  }

  /**
   * Opens the file of a job, to read its payload.
   *
   * @throws `FsqError` `FSQ_JOB`, `FSQ_FILESPOOLER`
   */
  async open(
    { entry }: Pick<QueuedJob, 'entry'>,
    { decoder, signal }: DecodeOptions = {},
  ): Promise<OpenJob> {
    try {
      return await openJob(entryPath(this.paths.jobs, entry), decoder, signal)
    } catch (cause) {
      throw queueError(`cannot open the job ${textOfEntry(entry)}`, this.directory, cause)
    }
  }

  /**
   * Puts a job into the queue; returns when it is there to stay.
   *
   * @returns the name of its file
   * @throws `FsqError` `FSQ_FILESPOOLER`; nothing of it is left then. What the payload throws.
   */
  async add(
    job: Job,
    payload: Iterable<Uint8Array> | AsyncIterable<Uint8Array> = [],
  ): Promise<string> {
    const header = encodeHeader(job)
    return this.write(
      (async function* () {
        yield header
        yield* payload
      })(),
    )
  }

  /**
   * Puts the content of a job file into the queue as it is; encoded ones are no less welcome.
   *
   * @returns the name of the file
   * @throws as {@link add}
   */
  async write(
    content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    name: string = makeJobName(),
  ): Promise<string> {
    try {
      await publishJob(this.paths.jobs, name, content)
      return name
    } catch (cause) {
      throw queueError(`cannot write a job into ${this.directory}`, this.directory, cause)
    }
  }

  /**
   * Locks the queue, as whoever processes its jobs does.
   *
   * @throws `FsqError` `FSQ_LOCKED`; `FSQ_FILESPOOLER` where the queue is append-only
   */
  async lock({ wait = 0, signal }: SequenceLockOptions = {}): Promise<SequenceLock> {
    try {
      return await this.sequence.lock({ wait, signal, create: false })
    } catch (error) {
      if (!(error instanceof FsqError)) throw error
      const { lock } = this.paths
      if (error.code === 'FSQ_LOCKED')
        throw new FsqError(
          'FSQ_LOCKED',
          `${error.message}: it is processed, or the command of a processor that was killed still ` +
            'runs; try again, or wait (--wait)',
          { path: lock, cause: error },
        )
      if (error.errno !== 'ENOENT') throw error
      throw new FsqError(
        'FSQ_FILESPOOLER',
        `${lock} is missing: ${this.directory} is no queue, or an append-only one`,
        { path: lock, cause: error },
      )
    }
  }

  /**
   * The number of the job that is to be run next.
   *
   * @throws as {@link lock}; `FSQ_SEQUENCE`
   */
  async getNext(options: SequenceLockOptions = {}): Promise<bigint> {
    using lock = await this.lock(options)
    return await lock.read()
  }

  /**
   * Makes another job the next to be run.
   *
   * @throws as {@link lock}; `FSQ_SEQUENCE`
   */
  async setNext(next: bigint, options: SequenceLockOptions = {}): Promise<void> {
    using lock = await this.lock(options)
    await lock.write(next)
  }

  /**
   * Runs the jobs that can be run, one after the other, under the lock of the queue.
   *
   * @throws `FsqError` as {@link lock}; `FSQ_FILESPOOLER`, `FSQ_SEQUENCE`; `FSQ_AMBIGUOUS` where the
   * job to be run next is there twice; what the work throws that is no failure of a job.
   */
  async process(work: Work, options: ProcessOptions = {}): Promise<ProcessResult> {
    return processJobs(this, work, options)
  }

  /**
   * Moves the files that {@link list} rejects, but for those that cannot be read, into `rejected/`; those that
   * were moved. Under the lock, where the queue has one, so that none is on its way meanwhile.
   *
   * @throws as {@link lock}, and `FSQ_FILESPOOLER`
   */
  async reject(
    options: DecodeOptions & Omit<SequenceLockOptions, 'create'> = {},
  ): Promise<RejectedFile[]> {
    const lock = statEntry(this.paths.lock) === undefined ? undefined : await this.lock(options)
    try {
      const { rejected } = await this.list(options)
      const files = rejected.filter(({ kind }) => kind !== 'unreadable')
      const moved = await this.setAside(files, this.paths.rejected)
      return files.filter(({ entry }) => moved.has(entry))
    } finally {
      lock?.close()
    }
  }

  /** @internal Moves files out of jobs/; the caller has the lock. Those that were still there. */
  async setAside(
    files: readonly Pick<RejectedFile, 'entry'>[],
    directory: string,
  ): Promise<Set<string>> {
    const moved = new Set<string>()
    if (files.length === 0) return moved
    try {
      await this.makeSide(directory)
      for (const { entry } of files) {
        if (moveAside(this.paths.jobs, directory, entry)) moved.add(entry)
      }
      // First where they are now: a power cut may leave them in both, but not in neither.
      await syncDirectory(`${directory}/.`)
      await syncDirectory(`${this.paths.jobs}/.`)
    } catch (cause) {
      throw queueError(`cannot move jobs to ${directory}`, this.directory, cause)
    }
    return moved
  }

  /** @internal Makes one of the directories beside jobs/, where it is missing; it is there to stay then. */
  async makeSide(directory: string): Promise<void> {
    try {
      makeDirectory(directory, 0o777)
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return
      throw error
    }
    await syncDirectory(`${this.directory}/.`)
  }
}

/** Moves a file to another directory, under another name where its own is taken; false where it is gone. */
function moveAside(from: string, to: string, entry: string): boolean {
  const source = entryPath(from, entry)
  for (const name of [entry, makeJobName()]) {
    try {
      if (moveNoReplace(source, entryPath(to, name)) === 'linked') removeIfThere(source)
      return true
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' && statEntry(source) === undefined) return false
      if (errnoOf(error) !== 'EEXIST') throw error
    }
  }
  return false
}
