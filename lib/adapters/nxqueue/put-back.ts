import { randomInt } from 'node:crypto'
import { toByteString } from '../../name/charset.js'
import type { QueueContext } from '../../queue/context.js'
import { type LockedEntry, withLockedEntry } from '../../queue/locked-entry.js'
import { moveLocked } from '../../queue/move-item.js'
import { unlessElsewhere } from './unless-elsewhere.js'

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

/** The same by the name of its item, unless somebody else works on it, or has moved it. */
export async function putBackByName(
  own: QueueContext,
  queue: QueueContext,
  id: string,
  carried: boolean,
): Promise<void> {
  const entry = toByteString(id, own.reading.charset)
  await unlessElsewhere(
    withLockedEntry(own, 'queue', entry, 'put back', async (item) => {
      await putBack(own, queue, item, carried)
    }),
  )
}
