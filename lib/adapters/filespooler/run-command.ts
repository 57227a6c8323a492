import { once } from 'node:events'
import { errnoOf, FsqError, reasonOf } from '../../errors.js'
import { readEnvironment } from '../../posix/environment.js'
import { close, openEmptied } from '../../posix/files.js'
import { entryPath } from '../../posix/path.js'
import { type Ended, type Running, startProgram } from '../../posix/program.js'
import { after } from '../../timer.js'
import { type JobPlace, jobVariables, type Variable } from './job-variables.js'
import type { OpenJob, Payload } from './open-job.js'
import { asWords, textOf } from './raw-words.js'
import { whyUnsafe } from './screen.js'

/** How a command is run for a job. */
export interface CommandOptions {
  /** Whether the job's parameters stand behind those of the command. @defaultValue false */
  readonly allowJobParameters?: boolean
  /** Whether the command gets nothing of the payload. @defaultValue false */
  readonly ignorePayload?: boolean
  /**
   * After so many seconds the command, and whatever of its process group is left, is killed; the job has
   * failed then. 0 is no time at all.
   *
   * @defaultValue none
   */
  readonly timeout?: number
  /**
   * Where the output of the command goes: `pass` where ours goes, or `save` into a file beside the job's,
   * with `.out` behind its name, emptied at each try.
   *
   * @defaultValue pass
   */
  readonly output?: 'pass' | 'save'
}

/** What a run of a command has to know beside the job. */
export interface CommandRun extends CommandOptions {
  /** Where the job lies, if it lies anywhere. */
  readonly place: JobPlace | undefined
  /** The variables that it gets beside those of the job. */
  readonly environment: OwnEnvironment
  /** What the command gets as its standard input where it gets no payload. */
  readonly otherInput: 'inherit' | 'ignore'
  /** A descriptor that the command holds too, so that a lock outlives us with it. */
  readonly held: number | undefined
  /** Asks the command to end. */
  readonly signal: AbortSignal | undefined
  /** Whether the command ended so since it was asked to by who asked us as well. */
  readonly askedToo: ((ended: Ended) => Promise<boolean>) | undefined
}

/** The variables that commands get beside those of their jobs. */
export interface OwnEnvironment {
  /** Those that are text. */
  readonly texts: NodeJS.ProcessEnv
  /** All others. */
  readonly others: readonly Variable[]
  /** How long they are, in bytes. */
  readonly length: number
}

/** Is told of what may be a mistake. */
export type Warn = (message: string) => void

/**
 * Runs a command for a job, with the payload as its standard input.
 *
 * @param command - a program, found in PATH, and its first arguments
 * @throws `FsqError` `FSQ_JOB` where the job has failed: its command did, or cannot be run with what is
 * in it; `FSQ_EXEC` where the command cannot be run at all, which is no job's fault. The reason of the
 * signal, where the command ended because of it.
 */
export async function runCommand(
  command: readonly string[],
  { job, payload }: Pick<OpenJob, 'job' | 'payload'>,
  run: CommandRun,
  warn: Warn,
): Promise<void> {
  if (job.type === 'nop') return
  if (job.type === 'fail') throw new FsqError('FSQ_JOB', 'it is a job that always fails')
  const unsafe = whyUnsafe(job)
  if (unsafe !== undefined) throw new FsqError('FSQ_JOB', unsafe)
  const { allowJobParameters = false, ignorePayload = false, timeout, place, signal } = run
  if (!allowJobParameters && job.parameters.length > 0)
    warn('parameters of the job are ignored, since --allow-job-params is not given')
  const [program = '', ...words] = command
  const args = [
    ...words.map((word) => Buffer.from(word)),
    ...(allowJobParameters ? job.parameters : []),
  ]
  const { environment } = run
  const variables = jobVariables(job, place)
  const given = asWords(program, args, [...environment.others, ...variables])
  const output = openOutput(run)
  let running: Running
  try {
    running = startProgram(given.file, given.args, {
      stdin: ignorePayload ? run.otherInput : (payload.fd ?? 'pipe'),
      stdout: output ?? 'inherit',
      held: run.held,
      env: { ...environment.texts, ...given.env },
      group: timeout !== undefined,
    })
  } finally {
    if (output !== undefined) close(output)
  }
  const ask = (): void => {
    running.kill(stopSignalOf(signal))
  }
  let isLate = false as boolean
  const callOff =
    timeout === undefined
      ? undefined
      : after(timeout, () => {
          isLate = true
          running.kill('SIGKILL')
        })
  signal?.addEventListener('abort', ask, { once: true })
  if (signal?.aborted === true) ask()
  try {
    const feeding = ignorePayload ? undefined : feed(running, payload)
    feeding?.catch(() => undefined) // Looked at once the command has ended.
    const ended = await running.ended
    callOff?.()
    const fed = await fedUntil(feeding, payload)
    const isOfJob = lengthOf([...args, ...variables.flat()]) > environment.length
    const why = isLate ? `it took longer than ${timeout} s` : whyFailed(program, ended, isOfJob)
    if (why === undefined && fed === undefined) return
    if (!isLate) {
      signal?.throwIfAborted()
      if ((await run.askedToo?.(ended)) === true) signal?.throwIfAborted()
    }
    throw fed ?? new FsqError('FSQ_JOB', why ?? '')
  } finally {
    callOff?.()
    signal?.removeEventListener('abort', ask)
  }
}

/**
 * Why the payload was not given whole to a command that has ended, if it wanted it whole: it gets the end of
 * its input only after the decoder has ended well, so one that ended before that did not.
 */
async function fedUntil(feeding: Promise<void> | undefined, payload: Payload): Promise<unknown> {
  const isOver = new Promise<'open'>((resolve) => setImmediate(resolve, 'open'))
  const result = await Promise.race([
    feeding?.then(
      () => 'fed',
      (error: unknown) => ({ error }),
    ),
    isOver,
  ])
  if (typeof result === 'object') return result.error
  payload.stop()
  await feeding?.catch(() => undefined)
  return undefined
}

/** The signal by which a person or a system asked us to end is handed on, if the reason says which. */
function stopSignalOf(signal: AbortSignal | undefined): NodeJS.Signals {
  const reason: unknown = signal?.reason
  return typeof reason === 'string' && reason.startsWith('SIG')
    ? (reason as NodeJS.Signals)
    : 'SIGTERM'
}

/** Why a job has failed, by how its command ended; nothing where it has not. */
function whyFailed(program: string, ended: Ended, isOfJob: boolean): string | undefined {
  if ('signal' in ended) return `${program} was killed by ${ended.signal}`
  if ('code' in ended) return ended.code === 0 ? undefined : `${program} exited with ${ended.code}`
  // What does not fit may be in the job; all else is in the command, in our environment, or in the machine.
  if (errnoOf(ended.error) === 'E2BIG' && isOfJob)
    return 'its parameters and variables are too long to be passed on'
  throw new FsqError('FSQ_EXEC', `cannot run ${program}: ${reasonOf(ended.error)}`, {
    cause: ended.error,
  })
}

/**
 * The environment of this process without what it was told of another job, where it runs for one itself. To be
 * read once, not for each job: every variable costs a call.
 */
export function ownEnvironment(): OwnEnvironment {
  const all = readEnvironment().filter(([name]) => !name.toString('latin1').startsWith('FSPL_'))
  const areTexts = ([name, value]: Variable): boolean =>
    textOf(name) !== undefined && textOf(value) !== undefined
  const texts = all.filter(areTexts).map(([name, value]) => [name.toString(), value.toString()])
  return {
    texts: Object.fromEntries(texts) as NodeJS.ProcessEnv,
    others: all.filter((variable) => !areTexts(variable)),
    length: lengthOf(all.flat()),
  }
}

/** How much a program is given with these, in bytes: each ends with a NUL, and has a pointer. */
function lengthOf(words: readonly Uint8Array[]): number {
  return words.reduce((sum, word) => sum + word.length + 9, 0)
}

/** Writes the payload where the command reads it from a pipe. It need not read all of it. */
async function feed({ input, kill }: Running, payload: Payload): Promise<void> {
  if (input === undefined) return
  const gone = once(input, 'close').catch(() => undefined) // EPIPE: it has read as much as it wants.
  try {
    for await (const piece of payload.bytes()) {
      if (input.destroyed) return
      if (input.write(Buffer.from(piece))) continue
      const drained = new AbortController()
      const { signal } = drained
      await Promise.race([gone, once(input, 'drain', { signal }).catch(() => undefined)])
      drained.abort() // Or its listener would stay.
    }
    input.end()
  } catch (error) {
    kill('SIGTERM') // It must not take what it has got for all that there is.
    input.destroy()
    throw error
  }
}

function openOutput({ output, place }: CommandRun): number | undefined {
  if (output !== 'save' || place === undefined) return undefined
  return openEmptied(entryPath(`${place.directory}/jobs`, `${place.entry}.out`), 0o666)
}
