import { FsqError } from '../errors.js'
import type { Queue } from '../root/queue.js'
import type { Call } from './command.js'

type Say = Pick<Call<object>, 'say'>

/**
 * What comes after an item is in must not look as if it were not: whoever is told so would do it again.
 *
 * @param done - what was done, as a participle: `enqueued`
 */
export async function afterwards(
  done: string,
  { say }: Say,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!(error instanceof FsqError)) throw error
    say(`${done}, but ${error.message}`)
  }
}

/** Pulls the trigger of the queue that the items are in now. */
export async function pullAfterwards(done: string, queue: Queue, call: Say): Promise<void> {
  await afterwards(done, call, () => queue.triggerPull({ ignoreListener: true }))
}
