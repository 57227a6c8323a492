import { errnoOf, FsqError } from '../../errors.js'
import { isOfAll, NatsError } from './nats-error.js'

/** What this item is to our disk, whatever we do. */
const ofItem: readonly string[] = ['EFBIG', 'ENAMETOOLONG']

/** What our own disk came to, and may not any more after a while. */
export function isLocal(error: unknown): boolean {
  if (!(error instanceof FsqError) || error.code !== 'FSQ_ENQUEUE') return false
  const errno = errnoOf(error)
  return errno !== undefined && errno !== 'ENOENT' && !ofItem.includes(errno)
}

/** What the next delivery would meet as well. */
export function isOfNext(error: FsqError): boolean {
  if (error instanceof NatsError) return isOfAll(error)
  if (error.code === 'FSQ_ENQUEUE') return !ofItem.includes(errnoOf(error) ?? '')
  return !/^FSQ_(?:NATS|NATS_MESSAGE|TTL_EXPIRED|BODY)$/.test(error.code)
}
