import { getCharset } from '../name/charset.js'
import { isDirectory, listNames } from '../posix/names.js'
import { namesInQueue } from '../settings.js'
import { type QueueContext, type QueuePaths, queuePaths } from './context.js'
import { printableName } from './printable.js'
import { sequenceNames } from './sequence.js'

/** Something in the directory of a queue that is no part of one, by its printable name, if any. */
export function foreignEntry({ settings }: QueueContext, directory: string): string | undefined {
  const { output, distribution, ids, incoming, cluster } = queuePaths(settings, '')
  const side = [output, distribution, ids, incoming, cluster].map((path) => path.slice(1))
  const own = [...namesInQueue.map((key) => settings[key]), ...side, ...sequenceNames]
  const foreign = listNames(directory).find((entry) => !own.includes(entry))
  return foreign === undefined ? undefined : printableName(foreign, getCharset('utf8'))
}

/**
 * The directories of items that wait: that of a queue, whose directory is `paths` for now, and those
 * of its host queues.
 */
export function waitingDirectories(
  { settings: { queueDir } }: QueueContext,
  { queue, hosts }: QueuePaths,
): string[] {
  const names = isDirectory(hosts) ? listNames(hosts) : []
  const hostQueues = names.map(
    (host) => `${hosts}/${Buffer.from(host, 'latin1').toString()}/${queueDir}`,
  )
  return [queue, ...hostQueues.filter(isDirectory)]
}
