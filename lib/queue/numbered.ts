import { isDirectory, walkNames } from '../posix/names.js'
import type { QueueContext } from './context.js'
import { aheadOf, sendersSequence, sequenceOf, workersSequence } from './sequence.js'
import { nextInSequence, readSequence, type SequenceLock } from './sequence-file.js'

/*
 * Giving numbers to items that are enqueued. The item is written and synced before; under the lock of `seq`:
 *
 *   1. read the number N                          nothing has happened
 *   2. write seq.new with N+1, fsync, rename to   seq.temp, and no item N: the next gives N again
 *      seq.temp, fsync the directory
 *   3. the steps of enqueue from its link         seq.temp, and item N: the next sees it, and gives N+1
 *   4. rename seq.temp to seq, fsync              item N, and N+1 is next
 *
 * So an enqueue that fails, or is killed, leaves no gap, and no number is given twice. Whoever finds a
 * seq.temp looks which of the numbers on their way are in use: an item has one, or the one who works is
 * past it. That is a walk through the directories of the queue, once after a crash. And as such a seq.temp
 * may be all that tells of them, it is never missing until `seq` does: it is only ever replaced.
 */

/**
 * Has items made with numbers that nobody else gets.
 *
 * @param count - how many numbers may be used
 * @param make - makes items with numbers from the first on, without a gap; how many it used
 * @throws {@link FsqError} `FSQ_LOCKED`, `FSQ_SEQUENCE`; what `make` throws.
 */
export async function withNumbers(
  queue: QueueContext,
  count: number,
  make: (first: bigint) => Promise<number>,
  signal?: AbortSignal,
): Promise<void> {
  const sequence = sendersSequence(queue)
  const lock = await sequence.lock({ signal })
  try {
    const first = nextFree(queue, sequence.path, lock)
    await lock.stage(nextInSequence(first, BigInt(count)))
    const used = await make(first)
    // Whatever becomes of this, the numbers are in use, and seq.temp says so to the next.
    if (used === count) await lock.commit().catch(() => undefined)
  } finally {
    lock.close()
  }
}

function nextFree(queue: QueueContext, path: string, lock: SequenceLock): bigint {
  const reached = readSequence(workersSequence(queue).path)
  const next = readSequence(path) ?? reached ?? 1n
  const { staged } = lock
  if (staged === undefined) return next
  const most = aheadOf(staged, next)
  let free = next
  const use = (number: bigint): void => {
    const ahead = aheadOf(number, next)
    if (ahead < most && ahead >= aheadOf(free, next)) free = nextInSequence(number)
  }
  const { queue: waiting, done, fail } = queue.paths
  for (const directory of [waiting, done, fail]) {
    if (!isDirectory(directory)) continue
    for (const entry of walkNames(directory, 1)) {
      const number = sequenceOf(entry)
      if (number !== undefined) use(number)
    }
  }
  if (reached !== undefined) use(nextInSequence(reached, -1n))
  return free
}
