import { dirname } from 'node:path'
import { type Clock, systemClock } from '../clock.js'
import { FsqError } from '../errors.js'
import type { ItemNameRules } from '../name/item-name.js'
import { type NameRules, nameRules } from '../name/options.js'
import { getTimestamps } from '../name/timestamp.js'
import { isPathComponent, type Settings } from '../settings.js'

/** Where the parts of one queue are. */
export interface QueuePaths {
  /** The directory that the queue is in: the root, or that of the host queues. */
  readonly parent: string
  readonly directory: string
  readonly tmp: string
  readonly queue: string
  readonly done: string
  readonly fail: string
  readonly down: string
  readonly trigger: string
  readonly hosts: string
  /** The FIFO of all the host queues. */
  readonly hostsTrigger: string
  /** What failed programs wrote, by the names of their items; not part of fsq(7). */
  readonly output: string
  /** How far items are distributed to hosts, by their names; not part of fsq(7). */
  readonly distribution: string
  /** The keys of items that were enqueued with one; not part of fsq(7). */
  readonly ids: string
  /** The items on their way into the queue from elsewhere; not part of fsq(7). */
  readonly incoming: string
  /** What the servers of a cluster know together, where its items are jobs; not part of fsq(7). */
  readonly cluster: string
}

/** What a host queue is. */
export interface HostOf {
  /** The host. */
  readonly name: string
  /** The queue that has it. */
  readonly queue: QueueContext
}

/** What every operation on a queue needs: its name, its paths and the rules that it lives by. */
export interface QueueContext {
  /** Its name; that of a host queue is `mail/backup1`. */
  readonly name: string
  /** Where this is a host queue: which. */
  readonly host?: HostOf
  readonly settings: Settings
  /** By which items are enqueued, finished, and wait for their time. */
  readonly clock: Clock
  /** How names are written. */
  readonly writing: NameRules
  /** How names are read. */
  readonly reading: ItemNameRules
  readonly paths: QueuePaths
}

/**
 * @throws {@link FsqError} `FSQ_PATH` for a name that no queue can have; `FSQ_COERCE` or
 * `FSQ_TIMEFMT` where the settings name an unknown charset or an unusable time format.
 */
export function queueContext(
  settings: Settings,
  name: string,
  clock: Clock = systemClock,
): QueueContext {
  checkName('queue', name)
  const writing = nameRules(settings)
  const { encode, charset } = writing
  return {
    name,
    settings,
    clock,
    writing,
    reading: { encode, charset, timestamps: getTimestamps(settings.timefmt) },
    paths: queuePaths(settings, `${settings.root}/${name}`),
  }
}

/**
 * A host queue of a queue, fsq(7): a queue in its directory of hosts, without host queues of its own.
 *
 * @throws {@link FsqError} `FSQ_PATH` for a name that no host can have, and of a host queue.
 */
export function hostContext(queue: QueueContext, host: string): QueueContext {
  checkName('host', host)
  const { settings, paths, name } = queue
  if (queue.host !== undefined) throw hasNoHosts(queue)
  return {
    ...queue,
    name: `${name}/${host}`,
    host: { name: host, queue },
    paths: { ...queuePaths(settings, `${paths.hosts}/${host}`), trigger: paths.hostsTrigger },
  }
}

/** What to throw where a host queue of a host queue is asked for. */
export function hasNoHosts({ name, paths }: QueueContext): FsqError {
  return new FsqError('FSQ_PATH', `${name} is a host queue, which has no host queues of its own`, {
    queue: name,
    path: paths.directory,
  })
}

/** A directory of a queue in which items are whole. */
export type State = 'queue' | 'done' | 'fail'

/** The paths below one directory: that of a queue, or of a queue under construction. */
export function queuePaths(settings: Settings, directory: string): QueuePaths {
  return {
    parent: dirname(directory),
    directory,
    tmp: `${directory}/${settings.tmpDir}`,
    queue: `${directory}/${settings.queueDir}`,
    done: `${directory}/${settings.doneDir}`,
    fail: `${directory}/${settings.failDir}`,
    down: `${directory}/${settings.downFile}`,
    trigger: `${directory}/${settings.triggerFifo}`,
    hosts: `${directory}/${settings.hostsDir}`,
    hostsTrigger: `${directory}/${settings.hostsTriggerFifo}`,
    output: `${directory}/.output`,
    distribution: `${directory}/.dist`,
    ids: `${directory}/.ids`,
    incoming: `${directory}/.incoming`,
    cluster: `${directory}/.nxqueue`,
  }
}

/** @throws {@link FsqError} `FSQ_PATH` for a name that neither a queue nor a host can have; `TypeError`. */
export function checkName(what: 'queue' | 'host', name: string): void {
  if (typeof name !== 'string')
    throw new TypeError(`Expected the name of a ${what} to be a string, got ${typeof name}`)
  if (isPathComponent(name) && !name.startsWith('.')) return
  throw new FsqError(
    'FSQ_PATH',
    `illegal ${what} name: ${JSON.stringify(name)} (a name is not empty, has no / and does not ` +
      'begin with a dot)',
    { queue: name },
  )
}
