import type { Queue } from '../root/queue.js'
import type { Call } from './command.js'
import { eachQueue } from './each-queue.js'

/** Does something to the host queue, of the host that comes first, of each queue behind it. */
export async function eachHostQueue(
  call: Call<object>,
  act: (hostQueue: Queue) => Promise<void>,
): Promise<number> {
  const [host = '', ...operands] = call.operands
  return eachQueue({ ...call, operands }, (queue) => act(queue.host(host)))
}
