import type { Span, Tracer } from '@opentelemetry/api'
import type { FsqError } from '../errors.js'
import type { ClaimedEvent } from '../work/events.js'
import { api } from './api.js'
import { endAttributes, type EndEvent, errorOf, itemAttributes } from './conventions.js'

/**
 * Begins the span of an item, the root of a trace: whatever happens to be active when a worker wakes has
 * nothing to do with the item.
 */
export function startSpan(tracer: Tracer, item: ClaimedEvent): Span {
  return tracer.startSpan(`process ${item.queue}`, {
    kind: api.SpanKind.CONSUMER,
    root: true,
    attributes: itemAttributes(item),
  })
}

/** Ends it as the worker says. */
export function endSpan(span: Span, event: EndEvent): void {
  try {
    span.setAttributes(endAttributes(event))
    if (event.type === 'done') return
    const error = errorOf(event)
    span.setStatus({
      code: api.SpanStatusCode.ERROR,
      ...(error !== undefined && { message: error.message }),
    })
    if (error !== undefined) span.recordException(thrownBy(error))
  } finally {
    span.end()
  }
}

/** What a handler threw tells more than that it did. */
function thrownBy(error: FsqError): Error {
  return error.code === 'FSQ_HANDLER' && error.cause instanceof Error ? error.cause : error
}
