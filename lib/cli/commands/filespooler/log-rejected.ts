import type { RejectedFile } from '../../../adapters/filespooler/jobs-directory.js'
import type { Logger } from './fspl-command.js'

/** Tells of a file that is no job, or no safe one. */
export function logRejected({ warn, debug }: Logger, { name, reason, kind }: RejectedFile): void {
  if (kind === 'unsafe') warn(`${name} is not safe to run: ${reason} (see queue-check)`)
  else if (kind === 'unreadable') warn(`${name} cannot be read: ${reason}`)
  else debug(`${name} is passed over: ${reason}`)
}
