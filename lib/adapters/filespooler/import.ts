import { isDeepStrictEqual } from 'node:util'
import { crc32 } from '../../crc32.js'
import { FsqError } from '../../errors.js'
import { toByteString } from '../../name/charset.js'
import { readAt } from '../../posix/files.js'
import { entryPath } from '../../posix/path.js'
import type { QueueContext } from '../../queue/context.js'
import { checkQueue } from '../../queue/failure.js'
import type { Queue } from '../../root/queue.js'
import { formerItem, packedItem, unpackedItem } from './convert.js'
import { hasContent } from './has-content.js'
import { encodeReadHeader } from './header.js'
import type { QueuedJob, RejectedFile } from './jobs-directory.js'
import type { OpenJob } from './open-job.js'
import type { ProcessOptions } from './process.js'
import type { FilespoolerQueue } from './queue.js'
import { readHeader } from './read-header.js'

/*
 * Import: jobs of a Filespooler queue become items, as if a command had been run for each (process.ts):
 *
 *   1. put the item into its queue, synced     the job is imported again, under the same name
 *   2. nextseq + 1                             a file of a lower number, which nobody runs
 *   3. remove the file of the job              the item
 *
 * Under the same name it is nothing new while the item is in queue/; nor when it was done or failed before the
 * next import, as long as it is in done/ or fail/. But an item that was tried again has another name, and one
 * that was pruned has none: these are there once more. So is what was an item before an export: the export may
 * have been from this queue, and left it in done/, and then the job is still to be done.
 */

/** How jobs are imported. */
export interface ImportOptions extends Pick<
  ProcessOptions,
  'decoder' | 'order' | 'maxJobs' | 'wait' | 'signal'
> {
  /**
   * Whether the parameters of a job become the arguments of its item and the payload its body, where that
   * says all that the job says. Otherwise the body is the whole file of the job, header and payload.
   *
   * @defaultValue false
   */
  readonly unpack?: boolean | undefined
  /** Is told of each job, and of each file that is none. */
  readonly onEvent?: ((event: ImportEvent) => void) | undefined
}

/** What an import tells as it goes. */
export type ImportEvent =
  | {
      /** A job has become an item, and is gone. */
      readonly type: 'imported'
      /** The job. */
      readonly job: QueuedJob
      /** The name of the item. */
      readonly id: string
      /** Whether it was new; otherwise the queue has it from an import that was cut off. */
      readonly added: boolean
    }
  | {
      /** A file was left as it is. */
      readonly type: 'left'
      /** The file, and why. */
      readonly file: RejectedFile
    }

/** What an import came to. */
export interface ImportResult {
  /** How many items were added. */
  readonly added: number
  /** How many were there already. */
  readonly present: number
  /** How many files were left. */
  readonly left: number
  /** The number that is missing, where jobs of higher numbers wait for it. */
  readonly waitingFor?: bigint
}

/**
 * Moves the jobs of a Filespooler queue into a queue: what was exported before is the item that it was,
 * any other job an item that an export makes the same job again. By their numbers, the jobs before the first
 * gap; by their times, all.
 *
 * @throws `FsqError` as `FilespoolerQueue.process`, and what `queue.receive` throws: nothing is lost
 * then, the next import goes on.
 */
export async function importJobs(
  from: FilespoolerQueue,
  to: Queue,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const { unpack = false, onEvent, ...rest } = options
  checkQueue(to.context) // It may be long until there is a job that finds it missing.
  const result = { added: 0, present: 0, left: 0 }
  const work = async (open: OpenJob, job: QueuedJob): Promise<void> => {
    const again = async (): Promise<OpenJob> => from.open(job, { decoder: options.decoder })
    const { id, added } = await takeJob(sourceOf(open, job, again), to, unpack)
    if (added) result.added++
    else result.present++
    onEvent?.({ type: 'imported', job, id, added })
  }
  const { failure, waitingFor } = await from.process(work, {
    ...rest,
    onEvent: (event) => {
      // What is unsafe to run is a job, and imported.
      if (event.type !== 'rejected' || event.file.kind === 'unsafe') return
      result.left++
      onEvent?.({ type: 'left', file: event.file })
    },
  })
  if (failure !== undefined) throw failure
  return { ...result, ...(waitingFor !== undefined && { waitingFor }) }
}

/** A name that a job may have as an item, and what is its body then. */
interface Candidate {
  readonly id: string
  readonly body: 'payload' | 'file'
  /** Whether it was an item before an export. */
  readonly isFormer?: true
}

/** Puts a job into a queue, under the first name that is no other item's. */
async function takeJob(
  source: Source,
  to: Queue,
  unpack: boolean,
): Promise<{ readonly id: string; readonly added: boolean }> {
  const { paths, writing } = to.context
  for (const { id, body, isFormer = false } of candidates(source, to.context, unpack)) {
    const entry = toByteString(id, writing.charset)
    const isIn = async (directory: string): Promise<boolean | undefined> =>
      hasContent(entryPath(directory, entry), contentOf(source, body))
    const isOver =
      !isFormer && ((await isIn(paths.done)) === true || (await isIn(paths.fail)) === true)
    if (isOver) return { id, added: false }
    if (await to.receive(id, contentOf(source, body))) return { id, added: true }
    // What is gone by now has been done meanwhile.
    if ((await isIn(paths.queue)) !== false) return { id, added: false }
  }
  throw new TypeError('Expected a name that is free')
}

function* candidates(
  { open, job, header }: Source,
  queue: QueueContext,
  unpack: boolean,
): Generator<Candidate> {
  const file = crc32(Buffer.from(job.entry, 'latin1'))
  const former = formerItem(open.job, queue)
  if (former !== undefined) yield { id: former, body: 'payload', isFormer: true }
  const unpacked = unpack ? unpackedItem(open.job, header(), file, queue) : undefined
  if (unpacked !== undefined) yield { id: unpacked, body: 'payload' }
  for (let other = file; ; other = (other + 1) % 2 ** 32)
    yield { id: packedItem(open.job, other, queue), body: 'file' }
}

/** A job that is to be taken. */
interface Source {
  readonly open: OpenJob
  readonly job: QueuedJob
  /** Its header as it stands in the file; or as we would write it, where that is encoded. */
  readonly header: () => Buffer
  /** Opens it once more: what is decoded can be read only once, and may be asked for more often. */
  readonly again: () => Promise<OpenJob>
}

function sourceOf(open: OpenJob, job: QueuedJob, again: () => Promise<OpenJob>): Source {
  const header = (): Buffer => {
    const { fd } = open.payload
    return fd === undefined ? encodeReadHeader(open.job) : readAt(fd, 0, readHeader(fd).length)
  }
  return { open, job, header, again }
}

async function* contentOf(source: Source, body: Candidate['body']): AsyncGenerator<Uint8Array> {
  if (body === 'file') yield source.header()
  if (source.open.payload.fd !== undefined) {
    yield* source.open.payload.bytes()
    return
  }
  using open = await source.again()
  if (!isDeepStrictEqual(open.job, source.open.job))
    throw new FsqError('FSQ_FILESPOOLER', `somebody has written over the job ${source.job.name}`)
  yield* open.payload.bytes()
}
