import { getCharset } from '../name/charset.js'
import { inodeOf } from '../posix/inode.js'
import { isDirectory, listNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import { namesInQueue } from '../settings.js'
import { type QueueContext, type QueuePaths, queuePaths } from './context.js'
import { stagedDirectory, withdrawnDirectory } from './incoming-paths.js'
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
export function waitingDirectories(context: QueueContext, paths: QueuePaths): string[] {
  const hostQueues = hostPaths(context, paths).map(({ queue }) => queue)
  return [paths.queue, ...hostQueues.filter(isDirectory)]
}

/**
 * How many items, likewise, are on their way into queue/, and nowhere else: who sent them may have been told that they
 * are here.
 */
export function countArriving(context: QueueContext, paths: QueuePaths): number {
  return [paths, ...hostPaths(context, paths)]
    .flatMap((each) => [stagedDirectory(each), withdrawnDirectory(each)])
    .filter(isDirectory)
    .flatMap((directory) => listNames(directory).map((name) => entryPath(directory, name)))
    .filter((path) => inodeOf(path)?.links === 1).length
}

function hostPaths({ settings }: QueueContext, { hosts }: QueuePaths): QueuePaths[] {
  const names = isDirectory(hosts) ? listNames(hosts) : []
  return names.map((host) =>
    queuePaths(settings, `${hosts}/${Buffer.from(host, 'latin1').toString()}`),
  )
}
