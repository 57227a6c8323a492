import type { Entry } from '../../key-values.js'
import { isDown } from '../../queue/down.js'
import type { Arriving } from '../../queue/incoming.js'
import { type Claims, isToBeLinked } from './claims.js'
import type { Confirmation } from './confirmation.js'
import type { Answerable, Claim, Delivery } from './engine.js'
import type { Envelope } from './envelope.js'
import type { LandingOptions } from './landing-options.js'
import { leaseKey, LeaseWatch } from './lease.js'
import type { Ask } from './patience.js'
import type { Staging } from './staging.js'
import type { Unfinished } from './unfinished.js'

/*
 * What happens to an item from the pool. A redelivery may go to another host, so a claim decides:
 *
 *   1. write it to .incoming/, to last      a staged file
 *   2. claim it, with the stamp of the      a staged file that is ours to link, or not (recovery.ts)
 *      file, in a bucket of the servers
 *   3. link it into queue/, to last         the item, and a claim that tells everybody that it is here
 *   4. confirm it                           the same
 */

/** How many deliveries are held in memory while it is found out whether their receivers are lost. */
const mostHeld = 256

/** What the landing from the pool has to do with. */
export interface LandingFromPoolOptions extends Pick<
  LandingOptions,
  'queue' | 'engine' | 'incoming' | 'receiving' | 'ending'
> {
  readonly ask: Ask
  readonly staging: Staging
  readonly claims: Claims
  readonly unfinished: Unfinished
  readonly confirmation: Confirmation
  /** A delivery takes no place of those that land any more. */
  readonly leavePlace: (delivery: Delivery) => void
}

/** See above. */
export class LandingFromPool {
  readonly #options: LandingFromPoolOptions
  readonly #leaseWatch: LeaseWatch
  #holding = 0

  constructor(options: LandingFromPoolOptions) {
    this.#options = options
    this.#leaseWatch = new LeaseWatch(options.engine, options.receiving.lostAfter)
  }

  async land(delivery: Delivery, envelope: Envelope): Promise<void> {
    const { claims, confirmation, incoming, receiving, staging, unfinished } = this.#options
    const { id } = envelope
    const found = incoming.find(id)
    if (found !== undefined || delivery.deliveries > 1) {
      const entry = await claims.find(id)
      if (entry !== undefined) {
        await this.#landClaimed(delivery, envelope, entry, found)
        return
      }
      if (found?.state === 'linked') {
        // It came when the queue was that of a named host, or so long ago that the claim is forgotten.
        if (receiving.ack === 'finished' && unfinished.isWaiting(id)) {
          const claim = await claims.make(delivery, envelope, found)
          await this.#landClaimed(delivery, envelope, claim, found)
        } else await confirmation.repeated(delivery, envelope, found)
        return
      }
    }
    // Our own claim of what is staged may still be on its way: it is for the very same file.
    const isStaged = found?.state === 'staged'
    const resumed = isStaged ? await staging.resume(found, delivery, envelope) : undefined
    const staged = resumed ?? (await staging.stage(delivery, envelope))
    const entry = await claims.make(delivery, envelope, staged)
    if (claims.isOurs(entry.value) && entry.value.token === staged.stamp) {
      if (unfinished.isFenced) {
        delivery.giveBack(1) // It is linked when we are known to live again, if it still is ours then.
        return
      }
      await staging.publish(staged)
      await confirmation.arrived('received', delivery, envelope, staged, entry)
      return
    }
    staged.discard()
    await this.#landClaimed(delivery, envelope, entry, undefined)
  }

  /** Somebody has the item, or had it. */
  async #landClaimed(
    delivery: Delivery,
    envelope: Envelope,
    entry: Entry<Claim>,
    found: Arriving | undefined,
  ): Promise<void> {
    const { claims, confirmation, unfinished } = this.#options
    const { id } = envelope
    const { value } = entry
    const first = value.finished === true ? undefined : this.#confirmedBy(value)
    const isUnfinished = first !== undefined
    const isSecond = isUnfinished && (await confirmation.isSecond(delivery, envelope, first))
    if (claims.isOurs(value)) {
      if (found !== undefined && isToBeLinked(found, value)) {
        const linked = await claims.link(found, entry)
        if (linked === undefined) delivery.giveBack(1)
        else await confirmation.arrived('received', delivery, envelope, found, linked)
      } else if (isUnfinished && unfinished.isWaiting(id)) {
        confirmation.later(isSecond ? first : delivery, envelope, found, entry)
        if (isSecond) await confirmation.second(delivery, id)
      } else {
        if (isUnfinished) await unfinished.claimFinished(id, entry)
        await confirmation.repeated(delivery, envelope, found)
      }
      return
    }
    if (!isUnfinished) {
      await confirmation.repeated(delivery, envelope, found)
      return
    }
    found?.discard()
    if (isSecond) {
      await confirmation.second(delivery, id)
      return
    }
    await this.#watchHolder(delivery, envelope, entry, first.message === delivery.message)
  }

  /** What is confirmed when an item is finished, if it is not confirmed before. */
  #confirmedBy({ handle }: Claim): Answerable | undefined {
    return handle === undefined ? undefined : this.#options.engine.answerable(handle)
  }

  /**
   * Another receiver has the item, and has not finished it: whether it is lost decides. It keeps the message that it
   * knows from being delivered again; another one, where that is gone, is for us to keep until then.
   */
  async #watchHolder(
    delivery: Delivery,
    envelope: Envelope,
    entry: Entry<Claim>,
    isKnownThere: boolean,
  ): Promise<void> {
    const { claims, ending, leavePlace, receiving } = this.#options
    if (this.#holding >= mostHeld) {
      delivery.giveBack(receiving.lostAfter / 2)
      return
    }
    leavePlace(delivery)
    this.#holding++
    try {
      const { receiver } = entry.value
      while (!(await this.#leaseWatch.isLost(leaseKey(receiver), ending))) {
        if (isKnownThere) return // It is in good hands.
        // That it lives takes a second or two to be seen, so this is not asked more often either.
        const now = await claims.find(envelope.id)
        if (now?.value.receiver !== receiver || now.value.finished === true) {
          await this.land(delivery, envelope)
          return
        }
        entry = now
      }
      await this.#takeOver(delivery, envelope, entry)
    } finally {
      this.#holding--
    }
  }

  /** Its receiver is lost. */
  async #takeOver(delivery: Delivery, envelope: Envelope, entry: Entry<Claim>): Promise<void> {
    const { ask, claims, confirmation, engine, queue, staging, unfinished } = this.#options
    if (unfinished.isFenced || isDown(queue)) {
      delivery.giveBack(1)
      return
    }
    const staged = await staging.stage(delivery, envelope)
    const lease = leaseKey(entry.value.receiver)
    if ((await ask(() => engine.leases.get(lease))) !== undefined) {
      staged.discard() // It is back.
      return
    }
    const taken = await claims.takeOver(delivery, envelope, staged, entry)
    if (taken === undefined) {
      // Somebody was faster, or it was us, and the answer was lost: the next delivery tells.
      delivery.giveBack(1)
      return
    }
    await staging.publish(staged)
    await confirmation.arrived('taken', delivery, envelope, staged, taken)
  }
}
