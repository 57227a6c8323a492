import { type Job, parseJob } from './job.js'
import { isBlank, linesOf } from './lines.js'

/** A job where it stands in its file. */
export interface QueuedJob {
  /** The job. */
  readonly job: Job
  /** The number of its line, from 1. */
  readonly number: number
  /** Where its line begins in the file, in bytes. */
  readonly offset: number
}

/**
 * The jobs of a queue file, in order, in constant memory. Empty lines are none, nor is a last line without
 * a line break: it is left for the next pass, since somebody may still be writing it.
 *
 * @throws `RangeError` for a line that is longer than 64 KiB; what the source throws.
 */
export async function* readQueueFile(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<QueuedJob> {
  for await (const { bytes, number, offset, complete } of linesOf(source)) {
    if (!complete || isBlank(bytes)) continue
    yield { job: parseJob(bytes), number, offset }
  }
}

/** The bytes of jobs in a queue file: a line each, as it was read or made. */
export function formatJobs(jobs: Iterable<Job>): Buffer {
  return Buffer.concat([...jobs].flatMap(({ line }) => [line, Buffer.from('\n')]))
}
