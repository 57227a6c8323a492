import type { OpenJob } from '../../../adapters/filespooler/open-job.js'
import { readHeaderFrom } from '../../../adapters/filespooler/read-header.js'
import { readNext, readPieces } from '../../../posix/files.js'

/** The job on stdin; no more than its header is read, so that whoever inherits stdin gets the payload. */
export async function stdinJob(): Promise<Pick<OpenJob, 'job' | 'payload'>> {
  const { job } = await readHeaderFrom((length) => readNext(0, length))
  return { job, payload: { fd: 0, bytes: () => readPieces(0), stop: () => undefined } }
}
