import type { Ending } from '../../work/ending.js'
import type { Result } from '../../work/job.js'
import { runHandler } from '../../work/run-handler.js'
import { runProgram } from '../../work/run-program.js'
import type { JobRunner, RunningJob } from './execute.js'

/**
 * Does a job. Returning means completed, and throwing a temporary failure: the job waits for its next try,
 * perhaps elsewhere. `job.item.failPerm()` fails it for good.
 */
export type JobHandler = (job: RunningJob, context: { readonly signal: AbortSignal }) => unknown

/** A shell command that does jobs: it gets the arguments of the item, and FSQ_JOB_* variables. */
export function programJob(command: string): JobRunner {
  return async (job, ending, onStart) => {
    const run = runProgram(['/bin/sh', '-c', command, job.kind], {
      variables: jobVariables(job),
      onStart,
      group: true,
      isOurs: true,
      keepOutput: true,
      stopSignal: () => 'SIGTERM',
    })
    const result = await run(job.item, ending)
    // Of the shell: what is not there, or cannot be run, is no fault of the job, and may be mended.
    if ('code' in result && (result.code === 126 || result.code === 127))
      return { error: new Error(`the shell cannot run: ${command}`) }
    return result
  }
}

/** A function that does jobs. */
export function handlerJob(handler: JobHandler): JobRunner {
  return async (job, ending: Ending): Promise<Result> => {
    const run = runHandler((_, context) => handler(job, context))
    return run(job.item, ending)
  }
}

/** What a program finds in its environment of the job, beside FSQ_ITEM_*; each is there, empty where it does not apply. */
function jobVariables(job: RunningJob): Record<string, string> {
  const { jobID, kind, priority, bytes, onVolume, inDrive } = job
  const values = {
    ID: jobID,
    KIND: kind,
    PRIORITY: priority,
    BYTES: bytes,
    GROUP: onVolume?.group ?? job.group,
    VOLUME: onVolume?.name,
    CHANGER: onVolume?.changer,
    SLOT: onVolume?.slot,
    DRIVE: inDrive?.name,
    MEDIA: inDrive?.type ?? job.media,
  }
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`FSQ_JOB_${name}`, String(value ?? '')]),
  )
}
