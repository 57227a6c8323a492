import { FsqError, reasonOf } from '../../errors.js'
import { close, openRegular, readPieces, skipBytes } from '../../posix/files.js'
import type { Path } from '../../posix/path.js'
import { type Running, startProgram } from '../../posix/program.js'
import { ByteReader } from './byte-reader.js'
import type { Header } from './header.js'
import type { Job } from './job.js'
import { readHeader, readHeaderFrom } from './read-header.js'

/** A job file that is open, its header read. */
export interface OpenJob extends Disposable {
  /** What its header says. */
  readonly job: Job
  /** Where the payload is to be had from, once. */
  readonly payload: Payload
}

/** The payload of a job. */
export interface Payload {
  /** A descriptor that stands where the payload begins, where the file is not decoded. */
  readonly fd: number | undefined
  /**
   * The bytes.
   *
   * @throws `FsqError` `FSQ_JOB` behind the last byte, where the decoder failed: the payload may not
   * be whole.
   */
  readonly bytes: () => AsyncIterable<Uint8Array>
  /** Ends the decoder, if there is one: nobody wants the rest. */
  readonly stop: () => void
}

/**
 * Opens a job file, through links too.
 *
 * @param decoder - a command for the shell that turns what is in the file into a job
 * @param signal - ends the decoder
 * @throws `FsqError` `FSQ_JOB` where it is none; the system's error where it cannot be opened.
 */
export async function openJob(
  path: Path,
  decoder?: string,
  signal?: AbortSignal,
): Promise<OpenJob> {
  const fd = openRegular(path)
  if (fd === undefined) throw new FsqError('FSQ_JOB', 'it is not a regular file')
  if (decoder !== undefined) return openDecoded(fd, decoder, signal)
  try {
    const { job, length } = readHeader(fd)
    let isAtPayload = false
    return {
      job,
      payload: {
        get fd() {
          if (!isAtPayload) skipBytes(fd, length)
          isAtPayload = true
          return fd
        },
        bytes: () => readPieces(fd, length),
        stop: () => undefined,
      },
      [Symbol.dispose]: () => {
        close(fd)
      },
    }
  } catch (error) {
    close(fd)
    throw error
  }
}

/** Reads only the header of a job file; throws as {@link openJob}. */
export async function readJob(path: Path, decoder: string, signal?: AbortSignal): Promise<Job> {
  using open = await openJob(path, decoder, signal)
  return open.job
}

/** {@link readJob} of a file that is not encoded. */
export function readPlainJob(path: Path): Job {
  const fd = openRegular(path)
  if (fd === undefined) throw new FsqError('FSQ_JOB', 'it is not a regular file')
  try {
    return readHeader(fd).job
  } finally {
    close(fd)
  }
}

/** How long a decoder that nobody wants to hear any more may take to end, in milliseconds. */
const patience = 500

/** The decoder's own output is the job; it gets the whole file. */
async function openDecoded(
  fd: number,
  decoder: string,
  signal: AbortSignal | undefined,
): Promise<OpenJob> {
  const shell = process.env['SHELL'] ?? '/bin/sh'
  const program = startProgram(shell, ['-c', decoder], {
    ...{ stdin: fd, stdout: 'pipe', env: process.env, group: true },
  })
  close(fd) // It has its own.
  const { output } = program
  const end = (): void => {
    signal?.removeEventListener('abort', end)
    if (!program.isOver()) {
      program.kill('SIGTERM') // Before it can complain of what follows.
      setTimeout(() => {
        if (!program.isOver()) program.kill('SIGKILL')
      }, patience).unref()
    }
    output?.destroy()
  }
  try {
    signal?.throwIfAborted()
    signal?.addEventListener('abort', end)
    if (output === undefined || (await hasNotBegun(program)))
      throw new FsqError('FSQ_EXEC', `cannot run the decoder: there is no shell ${shell}`)
    const reader = new ByteReader(output)
    const header: Header = await readHeaderFrom((length) => reader.pull(length))
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      yield* reader.rest()
      const ended = await program.ended
      if ('error' in ended) throw decoderError(decoder, reasonOf(ended.error))
      if ('signal' in ended) throw decoderError(decoder, `killed by ${ended.signal}`)
      if (ended.code !== 0) throw decoderError(decoder, `exit status ${ended.code}`)
    }
    const payload = { fd: undefined, bytes, stop: end }
    return { job: header.job, payload, [Symbol.dispose]: end }
  } catch (error) {
    end()
    signal?.throwIfAborted()
    throw error
  }
}

/** Whether a program was not even started. */
async function hasNotBegun({ isOver, ended }: Running): Promise<boolean> {
  return isOver() && 'error' in (await ended)
}

function decoderError(decoder: string, why: string): FsqError {
  return new FsqError('FSQ_JOB', `the decoder ${JSON.stringify(decoder)} failed: ${why}`)
}
