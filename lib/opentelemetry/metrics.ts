import type { Counter, Histogram, Meter, UpDownCounter } from '@opentelemetry/api'
import type { ClaimedEvent } from '../work/events.js'
import { endAttributes, type EndEvent, queueAttributes } from './conventions.js'

/** The boundaries that the conventions have for the duration of work, in seconds. */
const workBoundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/** In seconds, up to a day: the name of an item tells no part of a second. */
const waitBoundaries = [1, 2, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400]

/** What is measured of a worker. */
export class Metrics {
  readonly #consumed: Counter
  readonly #duration: Histogram
  readonly #wait: Histogram
  readonly #active: UpDownCounter

  constructor(meter: Meter) {
    this.#consumed = meter.createCounter('messaging.client.consumed.messages', {
      description: 'Number of items that were worked on, or refused, by what became of them.',
      unit: '{message}',
    })
    this.#duration = meter.createHistogram('messaging.process.duration', {
      description: 'Duration of the work on an item.',
      unit: 's',
      advice: { explicitBucketBoundaries: workBoundaries },
    })
    this.#wait = meter.createHistogram('fsq.worker.wait_time', {
      description: 'Time from enqueueing an item to its first try.',
      unit: 's',
      advice: { explicitBucketBoundaries: waitBoundaries },
    })
    this.#active = meter.createUpDownCounter('fsq.worker.active_items', {
      description: 'Number of items that are worked on.',
      unit: '{item}',
    })
  }

  /** Work on an item began. Later tries wait for the backoff, which tells nothing of how busy workers are. */
  began({ queue, tries, waited }: ClaimedEvent): void {
    const attributes = queueAttributes(queue)
    this.#active.add(1, attributes)
    if (tries === 0) this.#wait.record(waited, attributes)
  }

  /** The work that had begun is over. */
  over(queue: string): void {
    this.#active.add(-1, queueAttributes(queue))
  }

  /** A worker is through with an item. */
  ended(event: EndEvent): void {
    const attributes = endAttributes(event)
    this.#consumed.add(1, attributes)
    if ('seconds' in event) this.#duration.record(event.seconds, attributes)
  }
}
