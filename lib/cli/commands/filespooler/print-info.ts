import type { Job } from '../../../adapters/filespooler/job.js'
import { type JobPlace, jobVariables } from '../../../adapters/filespooler/job-variables.js'
import { whyUnsafe } from '../../../adapters/filespooler/screen.js'
import { FsqError } from '../../../errors.js'
import { print } from '../../output.js'

/** Prints the variables that the command of a job gets. */
export async function printInfo(job: Job, place?: JobPlace): Promise<void> {
  const unsafe = whyUnsafe(job)
  if (unsafe !== undefined) throw new FsqError('FSQ_JOB', `the job is not safe to run: ${unsafe}`)
  const lines = jobVariables(job, place).flatMap(([name, value]) => [
    name,
    Buffer.from('='),
    value,
    Buffer.from('\n'),
  ])
  await print(Buffer.concat(lines))
}
