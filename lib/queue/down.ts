import { errnoOf, FsqError } from '../errors.js'
import { checkMembers } from '../members.js'
import { markFile } from '../posix/files.js'
import { glanceAtName } from '../posix/glance.js'
import { unlink } from '../posix/names.js'
import type { QueueContext } from './context.js'
import { failure, missingQueue } from './failure.js'
import { itemOwnership, ownerOptions, type OwnerOptions } from './ownership.js'

/**
 * Marks a queue as down: scans stop before their next item. Again on a queue that is down, it only
 * gives the down file its owner and mode.
 */
export function takeDown(queue: QueueContext, options: OwnerOptions = {}): void {
  checkMembers('an option of down', options, ownerOptions)
  const ownership = itemOwnership(queue.settings, options)
  try {
    markFile(queue.paths.down, ownership)
  } catch (error) {
    throw failure('FSQ_CONFIG', `cannot take down ${queue.name}`, error, queue)
  }
}

/** Marks a queue as up again. Harmless where it is. */
export function bringUp(queue: QueueContext): void {
  try {
    unlink(queue.paths.down)
  } catch (error) {
    const failed = failure('FSQ_CONFIG', `cannot bring up ${queue.name}`, error, queue)
    const wasUp = errnoOf(error) === 'ENOENT' && missingQueue(queue, error) === undefined
    if (!wasUp) throw failed
  }
}

/**
 * Whether a queue is down: whether anything has the name of its down file; for a host queue, of its own
 * or its queue's. What cannot be looked at is an error, since a queue that may be down must not be taken
 * as up.
 */
export function isDown(queue: QueueContext): boolean {
  if (queue.host !== undefined && isDown(queue.host.queue)) return true
  try {
    return glanceAtName(queue.paths.down) !== undefined
  } catch (error) {
    throw failure('FSQ_CONFIG', `cannot tell whether ${queue.name} is down`, error, queue)
  }
}

/** What to throw for queues that are down. */
export function downError(queues: readonly QueueContext[]): FsqError {
  const names = queues.map(({ name }) => name)
  const message = `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} down`
  return new FsqError('FSQ_DOWN', message, { queue: names[0] ?? '' })
}
