import { type Clock, systemClock } from '../clock.js'
import { FsqError } from '../errors.js'
import type { ItemNameRules } from '../name/item-name.js'
import { type NameRules, nameRules } from '../name/options.js'
import { getTimestamps } from '../name/timestamp.js'
import { isPathComponent, type Settings } from '../settings.js'

/** Where the parts of one queue are. */
export interface QueuePaths {
  readonly directory: string
  readonly tmp: string
  readonly queue: string
  readonly done: string
  readonly fail: string
  readonly down: string
  readonly trigger: string
  /** What failed programs wrote, by the names of their items; not part of fsq(7). */
  readonly output: string
  /** The keys of items that were enqueued with one; not part of fsq(7). */
  readonly ids: string
}

/** What every operation on a queue needs: its name, its paths and the rules that it lives by. */
export interface QueueContext {
  readonly name: string
  /** The host, where this is a host queue. */
  readonly host?: string
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
  checkQueueName(name)
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

/** The paths below one directory: that of a queue, or of a queue under construction. */
export function queuePaths(settings: Settings, directory: string): QueuePaths {
  return {
    directory,
    tmp: `${directory}/${settings.tmpDir}`,
    queue: `${directory}/${settings.queueDir}`,
    done: `${directory}/${settings.doneDir}`,
    fail: `${directory}/${settings.failDir}`,
    down: `${directory}/${settings.downFile}`,
    trigger: `${directory}/${settings.triggerFifo}`,
    output: `${directory}/.output`,
    ids: `${directory}/.ids`,
  }
}

function checkQueueName(name: string): void {
  if (typeof name !== 'string')
    throw new TypeError(`Expected the name of a queue to be a string, got ${typeof name}`)
  if (isPathComponent(name) && !name.startsWith('.')) return
  throw new FsqError(
    'FSQ_PATH',
    `illegal queue name: ${JSON.stringify(name)} (a name is not empty, has no / and does not ` +
      'begin with a dot)',
    { queue: name },
  )
}
