import type { Item } from '../queue/item.js'
import type { Ending } from './ending.js'
import type { Result, Runner } from './job.js'

/**
 * Works on an item. Unless it finishes the item itself, returning means done, and throwing a temporary
 * failure.
 */
export type Handler<I = Item> = (item: I, context: HandlerContext) => unknown

/** What a handler gets beside the item. */
export interface HandlerContext {
  /**
   * Aborts when the handler has to end; its reason is a {@link FsqError}: `FSQ_TIMEOUT` or
   * `FSQ_STOPPED`. Give it to all that waits. A handler that goes on nevertheless cannot be ended: after
   * the grace its item is given up, and may be worked on a second time beside it.
   */
  readonly signal: AbortSignal
}

/** @throws `TypeError` for what is no function. */
export function checkHandler(handler: unknown): void {
  if (typeof handler !== 'function')
    throw new TypeError(`Expected a handler to be a function, got ${typeof handler}`)
}

/**
 * Work that is done by a function.
 *
 * @throws `TypeError`
 */
export function runHandler(handler: Handler): Runner {
  checkHandler(handler)
  return async (item, ending) => {
    const givenUp = ending.killed.then((thrown): Result => ({ thrown }))
    return Promise.race([call(handler, item, ending), givenUp])
  }
}

async function call(handler: Handler, item: Item, ending: Ending): Promise<Result> {
  const context: HandlerContext = {
    get signal() {
      return ending.signal
    },
  }
  try {
    await handler(item, context)
    return { returned: true }
  } catch (thrown) {
    return { thrown }
  }
}
