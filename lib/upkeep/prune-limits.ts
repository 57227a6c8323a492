import { statEntry, walkNames } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import { turn } from '../turn.js'
import { finishedAt } from './finished-at.js'

/*
 * What of a directory may go so that a number of items, or of bytes, is left: found out in a first walk,
 * before anything is removed in a second. What comes meanwhile is newer than all that was seen, and so
 * stays. Of items that were finished at the same moment it is the name that decides which are newer, so
 * that two that prune at once agree.
 */

/** A moment, and an entry of it: those at or after it, in this order, are newer. */
interface Mark {
  readonly time: number
  readonly entry: string
}

/** Whether the first is newer than the second. */
function isNewer(a: Mark, b: Mark): boolean {
  return a.time > b.time || (a.time === b.time && a.entry > b.entry)
}

/** Tells the newest items of a directory. Holds at most twice as many in memory. */
export async function newestOf(
  directory: string,
  count: number,
  signal?: AbortSignal,
): Promise<(entry: string, time: number) => boolean> {
  let newest: Mark[] = []
  let bound: Mark | undefined
  const trim = (): void => {
    newest.sort((a, b) => (isNewer(a, b) ? -1 : 1))
    if (newest.length < count) return
    newest = newest.slice(0, count)
    bound = newest.at(-1)
  }
  if (count === 0) return () => false
  for await (const { entry, time } of itemsOf(directory, signal)) {
    const mark = { entry, time }
    if (bound !== undefined && !isNewer(mark, bound)) continue
    newest.push(mark)
    if (newest.length >= 2 * count) trim()
  }
  trim()
  const last = bound
  return (entry, time) => last === undefined || !isNewer(last, { entry, time })
}

/**
 * The time up to which items have to go, so that the bodies of those that stay have no more bytes than
 * that. Holds some 60 bytes an item in memory: two arrays that double, and their order.
 */
export async function overflowOf(
  directory: string,
  bytes: number,
  signal?: AbortSignal,
): Promise<number> {
  let times = new Float64Array(1024)
  let sizes = new Float64Array(1024)
  let count = 0
  for await (const { time, size } of itemsOf(directory, signal)) {
    if (count === times.length) {
      times = grown(times)
      sizes = grown(sizes)
    }
    times[count] = time
    sizes[count] = size
    count++
  }
  const order = new Uint32Array(count).map((_, at) => at)
  order.sort((a, b) => (times[b] ?? 0) - (times[a] ?? 0))
  let sum = 0
  for (const at of order) {
    sum += sizes[at] ?? 0
    if (sum > bytes) return times[at] ?? 0
  }
  return -Infinity
}

function grown(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * array.length)
  larger.set(array)
  return larger
}

async function* itemsOf(
  directory: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ entry: string; time: number; size: number }> {
  for (const entry of walkNames(directory)) {
    await turn()
    signal?.throwIfAborted()
    const stat = statEntry(entryPath(directory, entry))
    if (stat !== undefined && !stat.isDirectory())
      yield { entry, time: finishedAt(stat), size: stat.size }
  }
}
