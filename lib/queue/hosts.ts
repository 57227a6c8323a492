import { errnoOf, FsqError } from '../errors.js'
import { isDirectory, listNames } from '../posix/names.js'
import { hasNoHosts, hostContext, type QueueContext } from './context.js'
import type { Settings } from '../settings.js'
import { checkQueue, failure } from './failure.js'

/*
 * Host queues, fsq(7): queues in the directory `hosts` of a queue, one for each host that items of the
 * queue are for. They are installed, scanned and finished as any other; what differs is said where it
 * does: context.ts, install.ts, down.ts, trigger.ts.
 */

/** The host queues of a queue that are meant. */
export interface HostChoice {
  /** One host queue in place of the queue. @defaultValue the queue itself */
  readonly host?: string
  /** Several host queues in place of the queue, or all that there are. @defaultValue the queue itself */
  readonly hosts?: readonly string[] | 'all'
}

/** The names of {@link HostChoice}. */
export const hostChoice: readonly (keyof HostChoice)[] = ['host', 'hosts']

/**
 * The hosts of a queue, sorted. Hidden directories are none, nor is what has no directory for items, or
 * a name that is not UTF-8.
 *
 * @throws {@link FsqError} `FSQ_NO_QUEUE`, `FSQ_SCAN`
 */
export function listHosts(queue: QueueContext): string[] {
  const { paths, settings, name } = queue
  try {
    if (!isDirectory(paths.hosts)) {
      checkQueue(queue, [])
      return []
    }
    return visibleNames(paths.hosts).filter((host) => isQueue(`${paths.hosts}/${host}`, settings))
  } catch (error) {
    throw failure('FSQ_SCAN', `cannot list the hosts of ${name}`, error, queue)
  }
}

/** One that cannot be looked at is an error, not none: its items must not be forgotten. */
function isQueue(directory: string, { queueDir }: Settings): boolean {
  try {
    return isDirectory(`${directory}/${queueDir}`)
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return false
    throw error
  }
}

/** The names in a directory that can be those of queues, sorted: not hidden, and UTF-8. */
export function visibleNames(directory: string): string[] {
  return listNames(directory)
    .map((name) => Buffer.from(name, 'latin1').toString())
    .filter((name) => !/^\.|\ufffd/.test(name))
    .sort()
}

/**
 * The queues that are meant: the queue itself, or host queues of it.
 *
 * @throws {@link FsqError} `FSQ_NO_QUEUE` where all host queues are meant and there is none, `FSQ_PATH`;
 * `TypeError` where both are given, or none is named.
 */
export function chosenQueues(queue: QueueContext, { host, hosts }: HostChoice): QueueContext[] {
  if (host !== undefined && hosts !== undefined)
    throw new TypeError('Expected `host` or `hosts`, got both')
  if (host !== undefined) return [hostContext(queue, host)]
  if (hosts === undefined) return [queue]
  if (hosts !== 'all' && (!Array.isArray(hosts) || hosts.length === 0))
    throw new TypeError('Expected `hosts` to be a list of hosts, or all')
  const names: readonly string[] = hosts === 'all' ? listHosts(queue) : hosts
  if (names.length === 0) {
    if (queue.host !== undefined) throw hasNoHosts(queue)
    const { name, paths } = queue
    const message = `${name} has no host queues ("fsq add-host HOST ${name}" makes one)`
    throw new FsqError('FSQ_NO_QUEUE', message, { queue: name, path: paths.hosts })
  }
  return [...new Set(names)].map((name) => hostContext(queue, name))
}
