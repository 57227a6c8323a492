import { holdsItem, Retried } from '../../queue/holdings.js'
import type { Confirmation } from './confirmation.js'
import type { Delivery } from './engine.js'
import type { Envelope } from './envelope.js'
import type { LandingOptions } from './landing-options.js'
import type { Staging } from './staging.js'
import type { Unfinished } from './unfinished.js'

/*
 * What happens to an item for a named host, to which a redelivery always comes back:
 *
 *   1. write it to .incoming/, to last      a staged file, which the redelivery replaces
 *   2. link it into queue/, to last         the item; the redelivery finds it, or where it went
 *   3. confirm it                           the same
 */

/** How many items are remembered as received before the queue is listed again instead. */
const mostRemembered = 100_000

/** What the landing for a host has to do with. */
export interface LandingForHostOptions extends Pick<
  LandingOptions,
  'queue' | 'incoming' | 'receiving'
> {
  readonly staging: Staging
  readonly unfinished: Unfinished
  readonly confirmation: Confirmation
}

/** See above. */
export class LandingForHost {
  readonly #options: LandingForHostOptions
  #retried: Retried | undefined

  constructor(options: LandingForHostOptions) {
    this.#options = options
  }

  async land(delivery: Delivery, envelope: Envelope): Promise<void> {
    const { confirmation, incoming, receiving, staging, unfinished } = this.#options
    const { id } = envelope
    const found = incoming.find(id)
    if (found?.state === 'linked' || this.#isHere(id)) {
      if (receiving.ack === 'finished' && unfinished.isWaiting(id))
        confirmation.later(delivery, envelope, found, undefined)
      else await confirmation.repeated(delivery, envelope, found)
      return
    }
    const staged = await staging.stage(delivery, envelope)
    await staging.publish(staged)
    this.#retried?.add(id)
    if ((this.#retried?.added ?? 0) > mostRemembered) this.#retried = undefined
    await confirmation.arrived('received', delivery, envelope, staged, undefined)
  }

  /**
   * Whether a named host has the item already, or had it: also what is delivered for the first time, since it may have
   * been published before.
   */
  #isHere(id: string): boolean {
    const { queue } = this.#options
    if (holdsItem(queue, id)) return true
    this.#retried ??= new Retried(queue)
    return this.#retried.has(id)
  }
}
