import { randomInt } from 'node:crypto'
import type { QueueContext } from '../../queue/context.js'
import type { LockedEntry } from '../../queue/locked-entry.js'
import { moveLocked } from '../../queue/move-item.js'

/**
 * Puts a job back from the queue of a server, with its age; its item is locked.
 *
 * @param carried - jobs are carried between machines. Then its item gets another name, by its entropy: everything that
 * carries items takes one for the same that comes under a name that it has seen before, and would drop it.
 */
export async function putBack(
  own: QueueContext,
  queue: QueueContext,
  item: LockedEntry,
  carried: boolean,
): Promise<string> {
  return moveLocked(own, queue, item, carried ? String(randomInt(2 ** 47)) : undefined)
}
