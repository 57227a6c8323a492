import { once } from 'node:events'
import type { WorkEvent } from '../work/events.js'
import type { Worker, WorkOptions, WorkResult } from '../work/worker.js'

/** A queue, or a typed one: what has a worker for such handlers. */
export interface Workable<Handler> {
  /** `queue.work` */
  work(handler: Handler, options?: WorkOptions): Worker
}

/** What came of it. */
export interface DrainResult extends WorkResult {
  /** All that the worker told, in order: of a failure with its error. */
  readonly events: readonly WorkEvent[]
}

/**
 * Works on the items of a queue until none is left that can be worked on now, those included that the
 * handler enqueues; then stops. Items that wait for their time, be it for another try, stay: move the
 * clock of the root on, and drain it again.
 *
 * @param options - as for `queue.work`; an item that always fails is tried for ever with
 * `maxTries: 0` and `backoff: [0]`
 * @throws what `worker.ended` rejects with, and what `queue.work` throws.
 */
export async function drain<Handler>(
  queue: Workable<Handler>,
  handler: Handler,
  options: WorkOptions = {},
): Promise<DrainResult> {
  const events: WorkEvent[] = []
  const sums = { done: 0, failed: 0, retried: 0, left: 0 }
  // Of what a handler enqueues a worker may hear only after it was idle: so until one finds nothing.
  for (let began = true; began;) {
    began = false
    const worker = queue.work(handler, {
      ...options,
      onEvent: (event) => {
        if (event.type === 'claimed') began = true
        events.push(event)
        options.onEvent?.(event)
      },
    })
    await Promise.race([once(worker, 'idle'), worker.ended])
    const result = await worker.stop()
    for (const key of keys) sums[key] += result[key]
  }
  return { ...sums, events }
}

const keys = ['done', 'failed', 'retried', 'left'] as const
