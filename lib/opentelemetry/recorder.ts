import type { Span, Tracer } from '@opentelemetry/api'
import type { ClaimedEvent, WorkEvent } from '../work/events.js'
import { api, harmless } from './api.js'
import { type EndEvent, isEnd } from './conventions.js'
import type { Metrics } from './metrics.js'
import { endSpan, startSpan } from './spans.js'

/** An item, to be found by its name. */
interface Named {
  readonly queue: string
  readonly id: string
}

/**
 * Records what one worker does. The life of a span:
 *
 *   1. the worker tells that it claimed an item: the span begins
 *   2. the handler is called: the span is active for whatever that calls
 *   3. the worker tells what became of the item: the span ends with that
 *
 * A handler that was given up may go on after the last; what it makes then is still a child of the span.
 */
export class Recorder {
  readonly #tracer: Tracer
  readonly #metrics: Metrics
  readonly #spans = new Map<string, Span>()

  constructor(tracer: Tracer, metrics: Metrics) {
    this.#tracer = tracer
    this.#metrics = metrics
  }

  /** Records an event, and tells the application, which may throw: no span is open then. */
  record(event: WorkEvent, tell: ((event: WorkEvent) => void) | undefined): void {
    if (isEnd(event)) {
      harmless(() => {
        this.#end(event)
      })
    }
    tell?.(event)
    if (event.type === 'claimed') {
      harmless(() => {
        this.#begin(event)
      })
    }
  }

  /** Does the work on an item, once, in the context of its span; without, where there can be none. */
  async run<T>(item: Named, work: () => T): Promise<Awaited<T>> {
    const span = this.#spans.get(keyOf(item))
    const begun: Promise<Awaited<T>>[] = []
    if (span !== undefined) {
      harmless(() => {
        api.context.with(api.trace.setSpan(api.context.active(), span), () => {
          begun.push(call(work))
        })
      })
    }
    return begun[0] ?? call(work)
  }

  #begin(event: ClaimedEvent): void {
    this.#spans.set(keyOf(event), startSpan(this.#tracer, event))
    this.#metrics.began(event)
  }

  #end(event: EndEvent): void {
    const key = keyOf(event)
    const span = this.#spans.get(key)
    if (span !== undefined) {
      this.#spans.delete(key)
      this.#metrics.over(event.queue)
      endSpan(span, event)
    }
    this.#metrics.ended(event)
  }
}

/** What the work throws is a rejection: so what else is thrown is not of the work. */
async function call<T>(work: () => T): Promise<Awaited<T>> {
  return await work()
}

/** No name of an item has a slash in it. */
function keyOf({ queue, id }: Named): string {
  return `${queue}/${id}`
}
