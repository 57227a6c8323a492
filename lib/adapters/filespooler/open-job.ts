import { FsqError, reasonOf } from '../../errors.js'
import { close, openRegular, readPieces, skipBytes } from '../../posix/files.js'
import type { Path } from '../../posix/path.js'
import { startProgram } from '../../posix/program.js'
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
}

/**
 * Opens a job file, through links too.
 *
 * @param decoder - a command for the shell that turns what is in the file into a job
 * @throws `FsqError` `FSQ_JOB` where it is none; the system's error where it cannot be opened.
 */
export async function openJob(path: Path, decoder?: string): Promise<OpenJob> {
  const fd = openRegular(path)
  if (fd === undefined) throw new FsqError('FSQ_JOB', 'it is not a regular file')
  if (decoder !== undefined) return openDecoded(fd, decoder)
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
export async function readJob(path: Path, decoder?: string): Promise<Job> {
  if (decoder === undefined) return readPlainJob(path)
  using open = await openJob(path, decoder)
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

/** The decoder's own output is the job; it gets the whole file. */
async function openDecoded(fd: number, decoder: string): Promise<OpenJob> {
  const shell = process.env['SHELL'] ?? '/bin/sh'
  const program = startProgram(shell, ['-c', decoder], {
    stdin: fd,
    stdout: 'pipe',
    env: process.env,
    group: true,
  })
  close(fd) // It has its own.
  const { output } = program
  const end = (): void => {
    output?.destroy() // Then it dies of what it writes next,
    if (!program.isOver()) program.kill('SIGTERM') // or of this, if it writes nothing.
  }
  try {
    if (output === undefined) {
      const ended = await program.ended
      throw decoderError(decoder, 'error' in ended ? reasonOf(ended.error) : 'it has no output')
    }
    const reader = new ByteReader(output)
    const header: Header = await readHeaderFrom((length) => reader.pull(length))
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      yield* reader.rest()
      const ended = await program.ended
      if ('error' in ended) throw decoderError(decoder, reasonOf(ended.error))
      if ('signal' in ended) throw decoderError(decoder, `killed by ${ended.signal}`)
      if (ended.code !== 0) throw decoderError(decoder, `exit status ${ended.code}`)
    }
    return { job: header.job, payload: { fd: undefined, bytes }, [Symbol.dispose]: end }
  } catch (error) {
    end()
    throw error
  }
}

function decoderError(decoder: string, why: string): FsqError {
  return new FsqError('FSQ_JOB', `the decoder ${JSON.stringify(decoder)} failed: ${why}`)
}
