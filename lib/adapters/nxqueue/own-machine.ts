import { randomBytes } from 'node:crypto'
import type { WatchedEntries } from '../../key-values.js'
import type { QueueContext } from '../../queue/context.js'
import { fileKeyValues } from './file-key-values.js'

/*
 * Of a cluster whose jobs are carried each machine has a queue of its own. A random text in it tells it from those of the
 * others, however the machines are called and wherever the queue is moved to.
 */

/** The text of this machine; it is made where there is none yet. */
export async function ownMachine(queue: QueueContext): Promise<string> {
  const kept = keptIn(queue)
  const machine = randomBytes(10).toString('hex')
  if ((await kept.create(key, machine)) !== undefined) return machine
  return (await kept.get(key))?.value ?? machine
}

/** The same; undefined where nobody has submitted or served here yet. */
export async function knownMachine(queue: QueueContext): Promise<string | undefined> {
  return (await keptIn(queue).get(key))?.value
}

const key = 'own'

function keptIn({ paths }: QueueContext): WatchedEntries<string> {
  return fileKeyValues(paths.cluster).entries('machine')
}
