import type { Item } from '../../lib/queue/item.js'
import type { Queue } from '../../lib/root/queue.js'
import type { ScanOptions } from '../../lib/queue/scan.js'
import type { ScanEvent } from '../../lib/queue/scan-events.js'

/** Every item of a scan, still locked, and everything that it reported. */
export async function collect(
  queue: Queue,
  options: ScanOptions = {},
): Promise<{ readonly items: Item[]; readonly ids: string[]; readonly events: ScanEvent[] }> {
  const items: Item[] = []
  const events: ScanEvent[] = []
  const onEvent = (event: ScanEvent): void => {
    events.push(event)
  }
  for await (const item of queue.scan({ onEvent, ...options })) items.push(item)
  return { items, ids: items.map(({ id }) => id), events }
}

/** The names of the items that a scan yields, none of which stays locked. */
export async function idsOf(queue: Queue, options: ScanOptions = {}): Promise<string[]> {
  const { items, ids } = await collect(queue, options)
  for (const item of items) item.close()
  return ids
}

/** All of the values. */
export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const value of values) list.push(value)
  return list
}
