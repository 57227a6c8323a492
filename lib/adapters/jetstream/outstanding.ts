import type { Entry } from '../../key-values.js'
import type { QueueContext } from '../../queue/context.js'
import { keyWithoutTries, waitingNames } from '../../queue/holdings.js'
import type { Arriving } from '../../queue/incoming.js'
import type { Answerable, Claim } from './engine.js'

/** An item that was received and is confirmed only when it is finished here. */
export interface OutstandingItem {
  readonly id: string
  /** Where it is confirmed; another after each delivery. */
  answerable: Answerable
  readonly arriving: Arriving | undefined
  /** Our claim; undefined where only we get the item. */
  claim: Entry<Claim> | undefined
  /** The name of its body, where that is kept apart. */
  readonly body: string | undefined
}

/** Those items of a queue, and which of them are finished. */
export class Outstanding {
  readonly #queue: QueueContext
  readonly #items = new Map<string, OutstandingItem>()

  constructor(queue: QueueContext) {
    this.#queue = queue
  }

  get size(): number {
    return this.#items.size
  }

  add(item: OutstandingItem): void {
    this.#items.set(item.id, item)
  }

  get(id: string): OutstandingItem | undefined {
    return this.#items.get(id)
  }

  delete(id: string): void {
    this.#items.delete(id)
  }

  values(): readonly OutstandingItem[] {
    return [...this.#items.values()]
  }

  /** Whether an item is in queue/, perhaps under the name of a later try. */
  isWaiting(id: string): boolean {
    return waitingNames(this.#queue).has(keyWithoutTries(this.#queue, id))
  }

  /**
   * Those that are in queue/ no more: done, failed, or removed by somebody. An item that is just getting the
   * name of its next try may be missed by a listing, so it is looked for a second time.
   */
  finished(): OutstandingItem[] {
    if (this.#items.size === 0) return []
    const gone = this.#notIn(this.values(), waitingNames(this.#queue))
    return gone.length === 0 ? [] : this.#notIn(gone, waitingNames(this.#queue))
  }

  #notIn(items: readonly OutstandingItem[], names: ReadonlySet<string>): OutstandingItem[] {
    return items.filter(({ id }) => !names.has(keyWithoutTries(this.#queue, id)))
  }
}
