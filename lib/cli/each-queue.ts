import { FsqError } from '../errors.js'
import { queueAt } from '../root/queue-at.js'
import type { Queue } from '../root/queue.js'
import { listQueues } from '../upkeep/list-queues.js'
import type { Call } from './command.js'

/**
 * Does something to each queue that the operands name. One that fails does not keep the others from
 * it; the exit status is that of the first failure.
 */
export async function eachQueue(
  call: Call<object>,
  act: (queue: Queue) => Promise<void>,
): Promise<number> {
  const root = call.root()
  return eachOf(call.operands, call, (name) => act(queueAt(root, name)))
}

/** The same; without operands, to each queue of the root, also one that lacks directories. */
export async function eachQueueOrAll(
  call: Call<object>,
  act: (queue: Queue) => Promise<void>,
): Promise<number> {
  const operands = call.operands.length > 0 ? call.operands : listQueues(call.root())
  return eachQueue({ ...call, operands }, act)
}

/** The same for any names. */
export async function eachOf<T>(
  names: Iterable<T> | AsyncIterable<T>,
  { say }: Pick<Call<object>, 'say'>,
  act: (name: T) => Promise<void>,
): Promise<number> {
  let status = 0
  for await (const name of names) {
    try {
      await act(name)
    } catch (error) {
      // That stdout cannot be written is about none of them, and the next would meet it too.
      if (!(error instanceof FsqError) || error.code === 'FSQ_OUTPUT') throw error
      say(error.message)
      status ||= error.exitStatus
    }
  }
  return status
}
