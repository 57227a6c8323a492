import { FsqError } from '../errors.js'
import { queueAt } from '../root/queue-at.js'
import type { Queue } from '../root/queue.js'
import type { Call } from './command.js'
import { UsageError } from './usage-error.js'

/** The queues that the operands name, once all are known to be there. */
export async function queuesOf(
  { operands, root }: Pick<Call<object>, 'operands' | 'root'>,
  ...settings: Parameters<Call<object>['root']>
): Promise<readonly Queue[]> {
  const twice = operands.find((name, i) => operands.indexOf(name) !== i)
  if (twice !== undefined) throw new UsageError(`the queue ${twice} is given twice`)
  const opened = root(...settings)
  const queues = operands.map((name) => queueAt(opened, name))
  for (const queue of queues) await queue.isDown() // Fails where there is none.
  return queues
}

/**
 * Serves the queues all at the same time, until all are over. Where one fails the others end, too: who
 * supervises the program is to see it. The exit status is that of the first failure.
 */
export async function allAtOnce(
  queues: readonly Queue[],
  { say }: Pick<Call<object>, 'say'>,
  signal: AbortSignal,
  serve: (queue: Queue, signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const failed = new AbortController()
  const both = AbortSignal.any([signal, failed.signal])
  let status = 0
  await Promise.all(
    queues.map(async (queue) => {
      try {
        await serve(queue, both)
      } catch (error) {
        failed.abort()
        if (!(error instanceof FsqError)) throw error
        say(error.message)
        status ||= error.exitStatus
      }
    }),
  )
  return status
}
