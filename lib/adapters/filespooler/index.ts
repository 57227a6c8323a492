/**
 * fsq/filespooler: the queues of Filespooler, which order the jobs of a sender by numbers and can be carried
 * by whatever copies files. They are made, read, filled and processed here as fspl(1) does it, which may
 * work on the same queues at the same time:
 *
 * ```ts
 * import { mkdtemp } from 'node:fs/promises'
 * import { commandWork, initFilespooler, SequenceFile, timeNow } from 'fsq/filespooler'
 *
 * const directory = await mkdtemp('/tmp/fspl-')
 * const queue = await initFilespooler(`${directory}/queue`)
 * const sender = new SequenceFile(`${directory}/sender`)
 *
 * const job = { type: 'command', created: timeNow(), parameters: [], environment: [] } as const
 * await queue.add({ ...job, sequence: await sender.allocate() }, [Buffer.from('what is to be done\n')])
 *
 * const { done } = await queue.process(commandWork(['cat'])())
 * console.log(`${done} job is done, ${await queue.getNext()} is next`)
 * ```
 *
 * @packageDocumentation
 */
export type { CommandOptions, CommandRun, OwnEnvironment, Warn } from './run-command.js'
export { commandWork } from './command-work.js'
export { type ExportEvent, exportItems, type ExportOptions, type ExportResult } from './export.js'
export { decodeHeader, encodeHeader, type Header } from './header.js'
export { type ImportEvent, importJobs, type ImportOptions, type ImportResult } from './import.js'
export type { CommandJob, FailJob, Job, JobTime, NopJob } from './job.js'
export {
  disperse,
  type DisperseEvent,
  type DisperseOptions,
  type DisperseResult,
  type JobMovedEvent,
  type JobReturnedEvent,
} from './disperse.js'
export { type JobPlace, jobVariables, type Variable } from './job-variables.js'
export type { JobsListing, QueuedJob, RejectedFile } from './jobs-directory.js'
export type { OpenJob, Payload } from './open-job.js'
export type { JobOrder } from './order-jobs.js'
export type {
  JobDoneEvent,
  JobFailedEvent,
  JobRejectedEvent,
  OnError,
  ProcessedJob,
  ProcessEvent,
  ProcessOptions,
  ProcessResult,
  Work,
} from './process.js'
export {
  type DecodeOptions,
  FilespoolerQueue,
  initFilespooler,
  type InitOptions,
  openFilespooler,
} from './queue.js'
export { readHeader, readHeaderFrom } from './read-header.js'
export { whyUnsafe } from './screen.js'
export type { Ended } from '../../posix/program.js'
export type { Ownership } from '../../posix/owner.js'
export {
  nextInSequence,
  readSequence,
  SequenceFile,
  type SequenceFileOptions,
  SequenceLock,
  type SequenceLockOptions,
} from '../../queue/sequence-file.js'
export { timeNow } from './time-now.js'
