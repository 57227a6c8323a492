import { setImmediate } from 'node:timers/promises'
import { untilAborted } from './until-aborted.js'

/**
 * Values in batches. Those of a list, or of anything else that has them at once, come in full batches;
 * of a source that has to be waited for, a batch is what has arrived while the batch before it was
 * worked on, so that nobody waits for values that are not there yet.
 *
 * @param most - how many values a batch has at most
 * @throws what the source throws, after a batch of what came before; the reason of the signal, at
 * once, even while the source keeps it waiting.
 */
export async function* batchesOf<T>(
  values: Iterable<T> | AsyncIterable<T>,
  most: number,
  signal?: AbortSignal,
): AsyncGenerator<T[]> {
  if (Symbol.asyncIterator in values) {
    yield* arriving(values[Symbol.asyncIterator](), most, signal)
    return
  }
  let batch: T[] = []
  let failure: { readonly error: unknown } | undefined
  try {
    for (const value of values) {
      signal?.throwIfAborted()
      batch.push(value)
      if (batch.length < most) continue
      yield batch
      batch = []
    }
  } catch (error) {
    failure = { error }
  }
  if (batch.length > 0 && signal?.aborted !== true) yield batch
  if (failure !== undefined) throw failure.error
}

async function* arriving<T>(
  values: AsyncIterator<T>,
  most: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<T[]> {
  const take = async (): Promise<IteratorResult<T> | { readonly failed: unknown }> =>
    values.next().catch((failed: unknown) => ({ failed }))
  let next = take()
  let ended = false
  try {
    for (;;) {
      const batch: T[] = []
      let result: Awaited<typeof next> | undefined = await untilAborted(next, signal)
      while (result !== undefined && !('failed' in result) && result.done !== true) {
        batch.push(result.value)
        next = take()
        // What is there already comes before the immediate does.
        result =
          batch.length < most ? await Promise.race([next, setImmediate(undefined)]) : undefined
      }
      ended = result !== undefined
      if (batch.length > 0) yield batch
      if (result === undefined) continue
      if ('failed' in result) throw result.failed
      return
    }
  } finally {
    // A source that keeps us waiting ends when it next has something to say; nobody waits for that.
    if (!ended) void values.return?.().catch(() => undefined)
  }
}
