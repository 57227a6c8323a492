import type { Entry } from '../../key-values.js'
import type { Arriving } from '../../queue/incoming.js'
import type { Answerable, Claim, Delivery } from './engine.js'
import type { Envelope } from './envelope.js'
import type { LandingOptions } from './landing-options.js'
import type { Ask } from './patience.js'
import type { Unfinished } from './unfinished.js'

/*
 * When an item that has landed is confirmed to the servers: at once, or, where that is asked for, when it is
 * finished here (unfinished.ts). Meanwhile the claim may be taken over by another receiver, if this one is
 * lost (lease.ts); and it says when the item is finished, since the servers may forget the confirmation when
 * they are killed.
 */

/** How many are confirmed at a time without taking the place of others. */
const mostConfirming = 256

/** What a confirmation has to do with. */
export interface ConfirmationOptions extends Pick<
  LandingOptions,
  'queue' | 'engine' | 'receiving' | 'tell'
> {
  readonly ask: Ask
  readonly unfinished: Unfinished
  /** A delivery takes no place of those that land any more. */
  readonly leavePlace: (delivery: Delivery) => void
}

/** See above. */
export class Confirmation {
  readonly #options: ConfirmationOptions
  readonly #confirming = new Set<Promise<void>>()

  constructor(options: ConfirmationOptions) {
    this.#options = options
  }

  /** It is in queue/, to stay. */
  async arrived(
    type: 'received' | 'taken',
    delivery: Delivery,
    envelope: Envelope,
    staged: Arriving,
    entry: Entry<Claim> | undefined,
  ): Promise<void> {
    const { queue, receiving, tell } = this.#options
    if (receiving.ack === 'finished') {
      staged.keep()
      this.later(delivery, envelope, staged, entry)
      tell({ type, queue: queue.name, id: envelope.id })
      return
    }
    staged.discard()
    tell({ type, queue: queue.name, id: envelope.id })
    await this.#confirm(delivery, envelope)
  }

  /** It is confirmed when it is finished here. */
  later(
    answerable: Answerable,
    { id, stored }: Envelope,
    arriving: Arriving | undefined,
    claim: Entry<Claim> | undefined,
  ): void {
    this.#options.unfinished.add({ id, answerable, arriving, claim, body: stored?.name })
  }

  /** The queue, or another of the pool, has it, or had it. */
  async repeated(
    delivery: Delivery,
    envelope: Envelope,
    found: Arriving | undefined,
  ): Promise<void> {
    const { queue, tell } = this.#options
    found?.discard()
    tell({ type: 'repeated', queue: queue.name, id: envelope.id })
    await this.#confirm(delivery, envelope)
  }

  /**
   * Whether a message is of an item that was published twice, while another of its messages, which is still there,
   * waits for the item to be finished: by that one it comes to somebody else, with its body, if it is not.
   */
  async isSecond(delivery: Delivery, { replaces }: Envelope, first: Answerable): Promise<boolean> {
    const { ask, engine } = this.#options
    if (delivery.message === first.message || replaces === first.message) return false
    return ask(() => engine.keeps(first.handle))
  }

  /** Confirms one that {@link isSecond}. */
  async second(delivery: Delivery, id: string): Promise<void> {
    const { ask, queue, tell } = this.#options
    tell({ type: 'repeated', queue: queue.name, id })
    await ask(() => delivery.confirm())
  }

  /** Resolves when the servers know of all that is here, or are known not to. */
  async settled(): Promise<void> {
    await Promise.all(this.#confirming)
  }

  /** What is here to stay, and only the servers have still to know it, takes no place of what is landed. */
  async #confirm(delivery: Delivery, { id, stored }: Envelope): Promise<void> {
    const { leavePlace } = this.#options
    if (this.#confirming.size < mostConfirming) leavePlace(delivery)
    const confirming = this.#confirmWithout(delivery, id, stored?.name)
    const settled = confirming.catch(() => undefined)
    this.#confirming.add(settled)
    try {
      await confirming
    } finally {
      this.#confirming.delete(settled)
    }
  }

  /** The body goes first: who is killed in between gets the message again, and no other would tell of the body. */
  async #confirmWithout(delivery: Delivery, id: string, body: string | undefined): Promise<void> {
    const { ask, unfinished } = this.#options
    if (body !== undefined) await unfinished.removeBody(id, body)
    await ask(() => delivery.confirm())
  }
}
