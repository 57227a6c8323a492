import { FsqError, reasonOf } from '../../errors.js'

/** What goes wrong in the store, or in the system, has no code of its own. */
export function asFsqError(cause: unknown): FsqError {
  if (cause instanceof FsqError) return cause
  return new FsqError('FSQ_NXQUEUE', reasonOf(cause), { cause })
}
