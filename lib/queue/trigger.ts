import { errnoOf, FsqError } from '../errors.js'
import { checkMembers } from '../members.js'
import { statEntry, unlink } from '../posix/names.js'
import { makeFifo, pullFifo } from '../posix/fifo.js'
import type { QueueContext } from './context.js'
import { checkQueue, failure, missingQueue } from './failure.js'
import { itemOwnership, ownerOptions, type OwnerOptions } from './ownership.js'

/** Which FIFO: that of the queue, or that of its host queues, which share one. */
export type Trigger = 'own' | 'hosts'

/** Makes the trigger of a queue, a FIFO; one that is there gets owner and mode. */
export function makeTrigger(
  queue: QueueContext,
  options: OwnerOptions = {},
  which: Trigger = 'own',
): void {
  checkMembers('an option of trigger', options, ownerOptions)
  const ownership = itemOwnership(queue.settings, options)
  const { path, what } = fifoOf(queue, which)
  try {
    makeFifo(path, ownership)
  } catch (error) {
    throw failure('FSQ_CONFIG', `cannot make ${what}`, error, queue)
  }
}

/** Removes the trigger of a queue. Harmless where there is none. */
export function removeTrigger(queue: QueueContext, which: Trigger = 'own'): void {
  const { path, what } = fifoOf(queue, which)
  try {
    unlink(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && missingQueue(queue, error) === undefined) return
    throw failure('FSQ_CONFIG', `cannot remove ${what}`, error, queue)
  }
}

/** How a trigger is pulled. */
export interface TriggerPullOptions {
  /** Take it as success that nobody listens. @defaultValue false */
  readonly ignoreListener?: boolean | undefined
}

const pullOptions: ReadonlySet<string> = new Set<keyof TriggerPullOptions>(['ignoreListener'])

/**
 * Wakes who listens to the trigger, without waiting.
 *
 * @throws {@link FsqError} `FSQ_NO_TRIGGER`, `FSQ_NO_LISTENER`, `FSQ_NO_QUEUE`, `FSQ_CONFIG`.
 */
export function pullTrigger(
  queue: QueueContext,
  options: TriggerPullOptions = {},
  which: Trigger = 'own',
): void {
  checkMembers('an option of triggerPull', options, pullOptions)
  const { path, what, none } = fifoOf(queue, which)
  const fields = { queue: queue.name, path }
  try {
    pullFifo(path)
  } catch (cause) {
    switch (errnoOf(cause)) {
      case 'ENXIO':
        if (options.ignoreListener === true) return
        throw new FsqError('FSQ_NO_LISTENER', `nobody listens to ${what}`, { ...fields, cause })
      case 'ENOENT':
        throw (
          missingQueue(queue, cause) ?? new FsqError('FSQ_NO_TRIGGER', none, { ...fields, cause })
        )
      default:
        throw failure('FSQ_CONFIG', `cannot pull ${what}`, cause, queue, { path })
    }
  }
}

/** Wakes who listens to the trigger, if there is one; whoever does not hear of it finds the items in the next sweep. */
export function pullTriggerIfThere(queue: QueueContext): void {
  try {
    if (statEntry(fifoOf(queue, 'own').path) === undefined) return // An error would cost much more.
    pullTrigger(queue, { ignoreListener: true })
  } catch {
    // Nobody can be woken by it.
  }
}

/**
 * Where a trigger is, how it is called, and what to say where there is none. That of a host queue is in its
 * queue, so whether there is such a host queue does not show when it is used.
 *
 * @throws {@link FsqError} `FSQ_NO_QUEUE` for a host queue that is not there.
 */
function fifoOf(
  queue: QueueContext,
  which: Trigger,
): { readonly path: string; readonly what: string; readonly none: string } {
  if (queue.host !== undefined) checkQueue(queue, [])
  const { name, paths } = queue.host?.queue ?? queue
  if (which === 'own' && queue.host === undefined) {
    const what = `the trigger of ${name}`
    return {
      path: paths.trigger,
      what,
      none: `${name} has no trigger ("fsq trigger ${name}" makes it)`,
    }
  }
  return {
    path: paths.hostsTrigger,
    what: `the trigger of the host queues of ${name}`,
    none: `the host queues of ${name} have no trigger ("fsq trigger --hosts ${name}" makes it)`,
  }
}
