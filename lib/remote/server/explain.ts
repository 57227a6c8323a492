import { errnoOf, errorCodes, FsqError, type FsqErrorCode, nameErrors } from '../../errors.js'

/** The same for a client: nothing in it tells of the server's directories. */
export interface Explained {
  readonly code: FsqErrorCode
  readonly message: string
  /** The HTTP status. */
  readonly status: number
}

/** Codes whose messages have no path in them. */
const harmless: ReadonlySet<FsqErrorCode> = new Set<FsqErrorCode>([
  ...nameErrors,
  'FSQ_NO_LISTENER',
  'FSQ_NO_TRIGGER',
])

/** No message is longer, in characters: what the client sent need not come back in full. */
export const longestMessage = 400

/** Whether it is what the client sent that is wrong, rather than anything here. */
export function isOfClient(error: unknown): error is FsqError {
  return error instanceof FsqError && nameErrors.has(error.code)
}

/** What a client is told of an error. */
export function explain(error: unknown): Explained {
  const { code, errno, queue, message } = toFsqError(error)
  const status = statusOf(code, errno)
  if (harmless.has(code)) return { code, status, message: shortened(message) }
  if (code === 'FSQ_NO_QUEUE')
    return { code, status, message: shortened(`no such queue: ${queue ?? ''}`) }
  const why = errno === undefined ? '' : ` (${errno})`
  return { code, status, message: `${errorCodes[code].meaning}${why}` }
}

/** A text that is not longer than a message may be. */
export function shortened(text: string): string {
  return text.length <= longestMessage ? text : `${text.slice(0, longestMessage)}...`
}

function toFsqError(error: unknown): FsqError {
  if (error instanceof FsqError) return error
  const errno = errnoOf(error)
  return new FsqError('FSQ_SYSTEM', '', { cause: error, ...(errno === undefined ? {} : { errno }) })
}

function statusOf(code: FsqErrorCode, errno: string | undefined): number {
  if (nameErrors.has(code)) return 400
  if (code === 'FSQ_NO_QUEUE') return 404
  if (code === 'FSQ_NO_TRIGGER' || code === 'FSQ_NO_LISTENER') return 409
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return 507
  if (errno === 'EMFILE' || errno === 'ENFILE') return 503
  return 500
}
