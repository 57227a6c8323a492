import { FsqError } from '../../errors.js'
import { deadLetter } from './dead-letter.js'
import type { Delivery } from './engine.js'
import { isOfNext } from './landing-error.js'
import type { LandingOptions } from './landing-options.js'
import { isAway, NatsError } from './nats-error.js'
import type { Ask } from './patience.js'
import { UnusableBody } from './stored-body.js'

/** How long a delivery that failed waits for the next, in seconds. */
const longestReturn = 60

/** What an answer to a failed delivery has to do with. */
export interface FailedDeliveriesOptions extends Pick<
  LandingOptions,
  'queue' | 'source' | 'engine' | 'info' | 'ending' | 'tell' | 'fail'
> {
  readonly ask: Ask
  /** What is under way is ended: it is delivered again. */
  readonly givenUp: AbortSignal
}

/** Deliveries that could not land: they are given back, or go to the dead letters. */
export class FailedDeliveries {
  readonly #options: FailedDeliveriesOptions

  constructor(options: FailedDeliveriesOptions) {
    this.#options = options
  }

  /** What a delivery comes to that could not land. */
  async answer(delivery: Delivery, id: string, error: unknown): Promise<void> {
    const { ending, fail, givenUp, info, queue, tell } = this.#options
    if (ending.aborted || givenUp.aborted) {
      delivery.giveBack(0)
      tell({ type: 'returned', queue: queue.name, id })
      return
    }
    if (isAway(error)) {
      delivery.giveBack(1)
      return
    }
    if (!(error instanceof FsqError) || isOfNext(error)) {
      delivery.giveBack(1)
      fail(error)
      return
    }
    const isPassing = error instanceof UnusableBody && delivery.deliveries < info.maxDeliver
    if (!isPassing) {
      await this.bury(delivery, error, id)
      return
    }
    tell({ type: 'error', queue: queue.name, id, error })
    delivery.giveBack(Math.min(longestReturn, 2 ** (delivery.deliveries - 1)))
  }

  /** Moves a message to the dead letters. */
  async bury(delivery: Delivery, error: unknown, id?: string): Promise<void> {
    const { ask, engine, fail, ending, queue, source, tell } = this.#options
    try {
      if (!(error instanceof FsqError)) throw error
      const letter = deadLetter(delivery, source.queue, source.host, error)
      await ask(async () => {
        try {
          await engine.publish(letter)
        } catch (refusal) {
          if (!(refusal instanceof NatsError) || refusal.trouble !== 'refused') throw refusal
          // With our headers it is larger than it was: what it was is told without its body.
          await engine.publish({ ...letter, body: new Uint8Array() })
        }
      })
      await ask(() => delivery.confirm())
      tell({ type: 'dead', queue: queue.name, ...(id !== undefined && { id }), error })
    } catch (reason) {
      delivery.giveBack(1)
      if (!ending.aborted) fail(reason)
    }
  }
}
