import type { Attributes } from '@opentelemetry/api'
import type { FsqError } from '../errors.js'
import type { OrderEvent } from '../queue/scan-events.js'
import type { ClaimedEvent, JobEvent, WorkEvent } from '../work/events.js'

/*
 * The semantic conventions of OpenTelemetry for messaging, as far as they apply: an item is a message, a
 * queue its destination, and what a worker does is to `process` it. What they have no name for is under
 * `fsq.`. Attributes are written out each time, since to spread them into each other takes longer than
 * all else that is done for an item here.
 */

/** What a worker is through with: an item that it worked on, or would not. */
export type EndEvent = Exclude<JobEvent, ClaimedEvent | OrderEvent>

/** Whether a worker is through with an item. */
export function isEnd(event: WorkEvent): event is EndEvent {
  if (event.type === 'waiting' || event.type === 'skipped') return false
  return 'id' in event && event.id !== undefined && event.type !== 'claimed'
}

/** What metrics say of a queue: nothing of which there are as many values as items. */
export function queueAttributes(queue: string): Attributes {
  return {
    'messaging.system': 'fsq',
    'messaging.destination.name': queue,
    'messaging.operation.name': 'process',
  }
}

/** What a span says of its item. */
export function itemAttributes({ queue, id, tries }: ClaimedEvent): Attributes {
  return {
    'messaging.system': 'fsq',
    'messaging.destination.name': queue,
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.message.id': id,
    'fsq.item.tries': tries,
  }
}

/** What both say of the end; `_OTHER`, by the conventions, for a handler that failed it without an error. */
export function endAttributes(event: EndEvent): Attributes {
  const attributes: Attributes = {
    'messaging.system': 'fsq',
    'messaging.destination.name': event.queue,
    'messaging.operation.name': 'process',
    'fsq.outcome': event.type,
  }
  if (event.type !== 'done') attributes['error.type'] = errorOf(event)?.code ?? '_OTHER'
  return attributes
}

/** Why it was no success, if that is known. */
export function errorOf(event: EndEvent): FsqError | undefined {
  if (event.type === 'done') return undefined
  return event.error ?? ('outcome' in event ? event.outcome.reason : undefined)
}
