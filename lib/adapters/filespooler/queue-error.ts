import { errnoOf, FsqError, reasonOf } from '../../errors.js'
import type { QueuedJob } from './jobs-directory.js'

/** Several jobs have the number that one is wanted of. */
export function ambiguous(directory: string, jobs: readonly QueuedJob[]): FsqError {
  const names = jobs.map(({ name }) => name).join(', ')
  return new FsqError(
    'FSQ_AMBIGUOUS',
    `several jobs in ${directory} have the number ${jobs[0]?.job.sequence}: ${names}; ` +
      'remove all but one, or process them by their times',
    { path: directory },
  )
}

/** What went wrong with a queue; what is no error of the system stays as it is. */
export function queueError(attempt: string, directory: string, cause: unknown): unknown {
  if (cause instanceof FsqError || errnoOf(cause) === undefined) return cause
  return new FsqError('FSQ_FILESPOOLER', `${attempt}: ${reasonOf(cause)}`, {
    path: directory,
    cause,
  })
}
