import { FsqError } from '../errors.js'

/** A command that was called with words that it does not take: terse usage on stderr, exit 100. */
export class UsageError extends FsqError {
  constructor(message: string, cause?: unknown) {
    super('FSQ_USAGE', message, { cause })
  }
}
