import { checkMembers } from '../members.js'
import type { Queue } from '../root/queue.js'
import { examine } from './examine.js'
import { type AuditOptions, auditOptions, type Finding } from './finding.js'

const known: ReadonlySet<string> = new Set(auditOptions)

/**
 * Looks through a queue for what crashes, killed programs and people leave behind. Nothing is
 * locked, opened or changed, and memory does not grow with the queue.
 *
 * What is under way looks for a moment like what was cut, so a thing is only reported after some time
 * (see {@link AuditOptions.older}), and nothing that somebody has locked, as far as this machine can
 * tell.
 *
 * @throws {@link FsqError} `FSQ_AUDIT`, `FSQ_NO_QUEUE`; `FSQ_NO_USER`, `FSQ_NO_GROUP` where the
 * settings name such as owners; `TypeError` for an option.
 */
export async function* auditQueue(
  queue: Queue,
  options: AuditOptions = {},
): AsyncGenerator<Finding, undefined> {
  checkMembers('an option of auditQueue', options, known)
  for await (const { finding } of examine(queue, options)) yield finding
  return undefined
}
