import { deferred } from '../deferred.js'
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
 * clock of the root on, and drain it again. An item that cannot be finished stays as well; the event `error` says why.
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
  const unable = new Set<string>()
  // Of what a handler enqueues a worker may hear only after it was idle: so until one finds nothing, but for
  // items that could not be finished, which every worker finds.
  for (let began = true; began;) {
    began = false
    const idle = deferred<undefined>()
    const worker = queue.work(handler, {
      ...options,
      onEvent: (event) => {
        if (event.type === 'claimed' && !unable.has(keyOf(event))) began = true
        if (event.type === 'error') unable.add(keyOf(event))
        events.push(event)
        options.onEvent?.(event)
        if (event.type === 'idle') idle.resolve(undefined)
      },
    })
    await Promise.race([idle.promise, worker.ended])
    const result = await worker.stop()
    for (const key of keys) sums[key] += result[key]
  }
  return { ...sums, events }
}

const keys = ['done', 'failed', 'retried', 'left'] as const

/** No name of an item has a slash in it. */
function keyOf({
  queue,
  id,
}: {
  readonly queue: string
  readonly id?: string | undefined
}): string {
  return `${queue}/${id ?? ''}`
}
