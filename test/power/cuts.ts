import { randomNumbers } from '../helpers/random.js'
import type { Epoch, Write } from './log.js'

/*
 * A disk keeps what it was told to flush, and may lose any of the writes after that. So the power is
 * cut just before each flush, and of the writes since the flush before it survive: none, all, or
 * some that a seed chooses. What was acknowledged before the cut has to hold in each of these images.
 * That all survive is the same image as that none do at the next cut, where more was acknowledged:
 * so it is tried at the end only. A flush with no write before it is no cut of its own either.
 *
 * A write that survives may be torn between two blocks; file systems have to expect that too.
 */

/** One image of the disk: all epochs before this one, and these of its writes. */
export interface Cut {
  /** The index of the epoch. */
  readonly epoch: number
  readonly writes: readonly Write[]
}

/** No file system expects to find a smaller part of a block. */
const blockSize = 4096

/** The cuts of a log, from an epoch on. */
export function* cutsOf(
  epochs: readonly Epoch[],
  first: number,
  subsets: number,
  seed: number,
): Generator<Cut> {
  const random = randomNumbers(seed)
  for (const [epoch, { writes }] of epochs.entries()) {
    const isLast = epoch === epochs.length - 1
    if (epoch < first || (writes.length === 0 && !isLast)) continue
    yield { epoch, writes: [] }
    if (isLast && writes.length > 0) yield { epoch, writes }
    for (const subset of someSubsets(writes, subsets, random)) yield { epoch, writes: subset }
  }
}

/** Subsets of writes that are neither empty nor whole; of few writes perhaps fewer. */
function someSubsets(
  writes: readonly Write[],
  count: number,
  random: () => number,
): readonly (readonly Write[])[] {
  const found = new Map<string, readonly Write[]>()
  for (let draw = 0; draw < count; draw++) {
    const subset = writes.flatMap((write) => {
      if (random() < 0.5) return []
      const blocks = Math.ceil(write.data.length / blockSize)
      if (blocks === 1 || random() < 0.75) return [write]
      const kept = (1 + Math.floor(random() * (blocks - 1))) * blockSize
      return [{ offset: write.offset, data: write.data.subarray(0, kept) }]
    })
    const key = subset.map(({ offset, data }) => `${offset}+${data.length}`).join()
    const whole = subset.length === writes.length && subset.every((write, i) => write === writes[i])
    if (subset.length > 0 && !whole) found.set(key, subset)
  }
  return [...found.values()]
}
