import type { Item } from '../queue/item.js'

/**
 * The environment of a program that is run for an item: ours, and what fsq-scan(1) says of the
 * item. What an outer scan said of its own item is taken away.
 */
export function itemEnvironment(item: Item, outer: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {
    ...outer,
    FSQ_ITEM_ID: item.id,
    FSQ_ITEM_PID: item.pid,
    FSQ_ITEM_ENTROPY: item.entropy,
    FSQ_ITEM_HOSTNAME: item.hostname,
    FSQ_ITEM_TRIES: String(item.tries),
    FSQ_ITEM_ENQUEUED_AT: item.context.reading.timestamps.format(item.enqueuedAt),
  }
  if (item.host === undefined) delete environment['FSQ_ITEM_HOST']
  else environment['FSQ_ITEM_HOST'] = item.host
  return environment
}
