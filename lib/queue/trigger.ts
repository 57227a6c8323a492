import { errnoOf, FsqError } from '../errors.js'
import { unlink } from '../posix/names.js'
import { makeFifo, pullFifo } from '../posix/fifo.js'
import type { QueueContext } from './context.js'
import { failure, missingQueue } from './failure.js'
import { itemOwnership, type OwnerOptions } from './ownership.js'

/** Makes the trigger of a queue, a FIFO; one that is there gets owner and mode. */
export function makeTrigger(queue: QueueContext, options: OwnerOptions = {}): void {
  const ownership = itemOwnership(queue.settings, options)
  try {
    makeFifo(queue.paths.trigger, ownership)
  } catch (error) {
    throw failure('FSQ_CONFIG', `cannot make the trigger of ${queue.name}`, error, queue)
  }
}

/** Removes the trigger of a queue. Harmless where there is none. */
export function removeTrigger(queue: QueueContext): void {
  try {
    unlink(queue.paths.trigger)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && missingQueue(queue, error) === undefined) return
    throw failure('FSQ_CONFIG', `cannot remove the trigger of ${queue.name}`, error, queue)
  }
}

/** How a trigger is pulled. */
export interface TriggerPullOptions {
  /** Take it as success that nobody listens. @defaultValue false */
  readonly ignoreListener?: boolean | undefined
}

/**
 * Wakes who listens to the trigger, without waiting.
 *
 * @throws {@link FsqError} `FSQ_NO_TRIGGER`, `FSQ_NO_LISTENER`, `FSQ_NO_QUEUE`, `FSQ_CONFIG`.
 */
export function pullTrigger(
  queue: QueueContext,
  { ignoreListener = false }: TriggerPullOptions = {},
): void {
  const { name, paths } = queue
  const fields = { queue: name, path: paths.trigger }
  try {
    pullFifo(paths.trigger)
  } catch (error) {
    switch (errnoOf(error)) {
      case 'ENXIO':
        if (ignoreListener) return
        throw new FsqError('FSQ_NO_LISTENER', `nobody listens to the trigger of ${name}`, {
          ...fields,
          cause: error,
        })
      case 'ENOENT':
        throw (
          missingQueue(queue, error) ??
          new FsqError(
            'FSQ_NO_TRIGGER',
            `${name} has no trigger ("fsq trigger ${name}" makes it)`,
            { ...fields, cause: error },
          )
        )
      default:
        throw failure('FSQ_CONFIG', `cannot pull the trigger of ${name}`, error, queue, {
          path: paths.trigger,
        })
    }
  }
}
