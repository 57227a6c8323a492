import type { Entry } from '../../key-values.js'
import { isDown } from '../../queue/down.js'
import { holdsItem, Retried } from '../../queue/holdings.js'
import type { Arriving } from '../../queue/incoming.js'
import { longestTimer } from '../../timer.js'
import { Claims, isToBeLinked } from './claims.js'
import type { Answerable, Claim, Delivery } from './engine.js'
import { type Envelope, readEnvelope } from './envelope.js'
import { FailedDeliveries } from './failed-deliveries.js'
import { leaseKey, LeaseWatch } from './lease.js'
import type { LandingOptions } from './landing-options.js'
import { type Ask, askWith } from './patience.js'
import { Recovery } from './recovery.js'
import { Staging } from './staging.js'
import { isSameBody } from './stored-body.js'
import { Turns } from './turns.js'
import { Unfinished } from './unfinished.js'

/*
 * What happens to an item that is delivered. For a named host, to which a redelivery always comes back:
 *
 *   1. write it to .incoming/, to last      a staged file, which the redelivery replaces
 *   2. link it into queue/, to last         the item; the redelivery finds it, or where it went
 *   3. confirm it                           the same
 *
 * From the pool a redelivery may go to another host, so a claim decides:
 *
 *   1. write it to .incoming/, to last      a staged file
 *   2. claim it, with the stamp of the      a staged file that is ours to link, or not (recovery.ts)
 *      file, in a bucket of the servers
 *   3. link it into queue/, to last         the item, and a claim that tells everybody that it is here
 *   4. confirm it                           the same
 *
 * Where items are confirmed once they are finished, 4 waits for that (unfinished.ts). Meanwhile the claim
 * may be taken over by another receiver, if this one is lost (lease.ts); and it says when the item is
 * finished, since the servers may forget the confirmation when they are killed.
 */

/** How many deliveries are held in memory while it is found out whether their receivers are lost. */
const mostHeld = 256

/** How many are confirmed at a time without taking the place of others. */
const mostConfirming = 256

/** Lands deliveries in a queue. */
export class Landing {
  readonly #options: LandingOptions
  readonly #giveUp = new AbortController()
  readonly #turns = new Turns()
  /** All that has to be told that it is worked on, and who is told when it takes no place any more. */
  readonly #deliveries = new Map<Delivery, () => void>()
  readonly #confirming = new Set<Promise<void>>()
  readonly #unfinished: Unfinished
  readonly #leaseWatch: LeaseWatch
  readonly #staging: Staging
  readonly #claims: Claims
  readonly #recovery: Recovery
  readonly #failed: FailedDeliveries
  readonly #ask: Ask
  readonly #link: Disposable
  #retried: Retried | undefined
  /** Since when no message can have been delivered that the servers forgot, in ms of the epoch. */
  #linkedAt = Date.now()
  readonly #timer: NodeJS.Timeout

  constructor(options: LandingOptions) {
    this.#options = options
    const { ending, engine, info, patience, receiving } = options
    this.#ask = askWith(patience, ending)
    const recover = (): void => void this.#recovery.recover()
    this.#unfinished = new Unfinished({
      ...options,
      ask: this.#ask,
      recover,
    })
    this.#leaseWatch = new LeaseWatch(engine, receiving.lostAfter)
    const givenUp = this.#giveUp.signal
    this.#staging = new Staging({ ...options, ask: this.#ask, givenUp })
    this.#claims = new Claims({ ...options, ask: this.#ask, staging: this.#staging })
    this.#recovery = new Recovery({
      ...options,
      claims: this.#claims,
      turns: this.#turns,
      unfinished: this.#unfinished,
    })
    this.#failed = new FailedDeliveries({ ...options, ask: this.#ask, givenUp })
    this.#link = engine.onLink((lost) => {
      if (lost !== undefined) return
      this.#linkedAt = Date.now()
      this.#retried = undefined
      recover()
    })
    const often = Math.min(Math.max(0.3, info.ackWait / 3) * 1000, longestTimer)
    this.#timer = setInterval(() => {
      for (const delivery of this.#deliveries.keys()) delivery.working()
      for (const delivery of options.ahead()) delivery.working()
      this.#unfinished.keepAlive()
    }, often)
    recover()
  }

  /** Resolves when items can land. */
  async ready(): Promise<void> {
    return this.#unfinished.ready()
  }

  /** Whether nothing may land for now. */
  get isFenced(): boolean {
    return this.#unfinished.isFenced
  }

  /** Resolves when all that has landed is finished, where that is waited for, or the end has come. */
  async settled(): Promise<void> {
    return this.#unfinished.settled()
  }

  /**
   * Lands a delivery. Never rejects.
   *
   * @param onHeld - is called where it only waits, for others or to be confirmed, and takes no place meanwhile
   */
  async land(delivery: Delivery, onHeld: () => void): Promise<void> {
    this.#deliveries.set(delivery, onHeld)
    try {
      await this.#land(delivery)
    } finally {
      this.#deliveries.delete(delivery)
    }
  }

  /** Resolves when the servers know of all that is here, or are known not to. */
  async confirmed(): Promise<void> {
    await Promise.all(this.#confirming)
  }

  /** Brings to an end what is left in .incoming/. Never rejects. */
  async recover(): Promise<void> {
    return this.#recovery.recover()
  }

  /** Ends what is under way: it is delivered again. */
  giveUp(): void {
    this.#giveUp.abort()
  }

  async close(): Promise<void> {
    this.#giveUp.abort()
    clearInterval(this.#timer)
    this.#link[Symbol.dispose]()
    this.#staging[Symbol.dispose]()
    await this.#recovery.close()
    await this.#unfinished.close()
  }

  async #land(delivery: Delivery): Promise<void> {
    const { queue } = this.#options
    let envelope: Envelope
    try {
      envelope = readEnvelope(delivery.headers, queue)
    } catch (error) {
      await this.#failed.bury(delivery, error)
      return
    }
    const { id } = envelope
    await this.#turns.take(id, async () => {
      try {
        await this.#landItem(delivery, envelope)
      } catch (error) {
        await this.#failed.answer(delivery, id, error)
      }
    })
  }

  async #landItem(delivery: Delivery, envelope: Envelope): Promise<void> {
    const { source } = this.#options
    const { id } = envelope
    const outstanding = this.#unfinished.get(id)
    if (outstanding !== undefined) {
      // A second message of the item would never be confirmed otherwise.
      if (delivery.message === outstanding.answerable.message)
        outstanding.answerable = this.#options.engine.answerable(delivery.handle)
      else await this.#confirmSecond(delivery, id)
      return
    }
    if (source.host === undefined) await this.#landFromPool(delivery, envelope)
    else await this.#landForHost(delivery, envelope)
  }

  async #landForHost(delivery: Delivery, envelope: Envelope): Promise<void> {
    const { incoming, receiving } = this.#options
    const { id } = envelope
    const found = incoming.find(id)
    if (found?.state === 'linked' || this.#isHere(delivery, id)) {
      if (receiving.ack === 'finished' && this.#unfinished.isWaiting(id))
        this.#confirmLater(delivery, envelope, found, undefined)
      else await this.#confirmRepeated(delivery, envelope, found)
      return
    }
    const staged = await this.#staging.stage(delivery, envelope)
    await this.#staging.publish(staged)
    this.#retried?.add(id)
    if ((this.#retried?.added ?? 0) > mostRemembered) this.#retried = undefined
    await this.#arrived('received', delivery, envelope, staged, undefined)
  }

  async #landFromPool(delivery: Delivery, envelope: Envelope): Promise<void> {
    const { incoming, receiving } = this.#options
    const { id } = envelope
    const found = incoming.find(id)
    if (found !== undefined || delivery.deliveries > 1) {
      const entry = await this.#claims.find(id)
      if (entry !== undefined) {
        await this.#landClaimed(delivery, envelope, entry, found)
        return
      }
      if (found?.state === 'linked') {
        // It came when the queue was that of a named host, or so long ago that the claim is forgotten.
        if (receiving.ack === 'finished' && this.#unfinished.isWaiting(id)) {
          const claim = await this.#claims.make(delivery, envelope, found)
          await this.#landClaimed(delivery, envelope, claim, found)
        } else await this.#confirmRepeated(delivery, envelope, found)
        return
      }
    }
    // Our own claim of what is staged may still be on its way: it is for the very same file.
    const isWhole = found?.state === 'staged' && (await isSameBody(found, delivery, envelope))
    const staged = isWhole ? found : await this.#staging.stage(delivery, envelope)
    const entry = await this.#claims.make(delivery, envelope, staged)
    if (this.#claims.isOurs(entry.value) && entry.value.token === staged.stamp) {
      if (this.isFenced) {
        delivery.giveBack(1) // It is linked when we are known to live again, if it still is ours then.
        return
      }
      await this.#staging.publish(staged)
      await this.#arrived('received', delivery, envelope, staged, entry)
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
    const { id } = envelope
    const { value } = entry
    const first = value.finished === true ? undefined : this.#confirmedBy(value)
    const isUnfinished = first !== undefined
    const isSecond = isUnfinished && first.message !== delivery.message
    if (this.#claims.isOurs(value)) {
      if (found !== undefined && isToBeLinked(found, value)) {
        const linked = await this.#claims.link(found, entry)
        if (linked === undefined) delivery.giveBack(1)
        else await this.#arrived('received', delivery, envelope, found, linked)
      } else if (isUnfinished && this.#unfinished.isWaiting(id)) {
        this.#confirmLater(isSecond ? first : delivery, envelope, found, entry)
        if (isSecond) await this.#confirmSecond(delivery, id)
      } else {
        if (isUnfinished) await this.#unfinished.claimFinished(id, entry)
        await this.#confirmRepeated(delivery, envelope, found)
      }
      return
    }
    if (!isUnfinished) {
      await this.#confirmRepeated(delivery, envelope, found)
      return
    }
    found?.discard()
    if (isSecond) {
      await this.#confirmSecond(delivery, id)
      return
    }
    if (this.#holding >= mostHeld) {
      delivery.giveBack(this.#options.receiving.lostAfter / 2)
      return
    }
    this.#deliveries.get(delivery)?.()
    this.#holding++
    try {
      const key = leaseKey(value.receiver)
      if (await this.#leaseWatch.isLost(key, this.#options.ending))
        await this.#takeOver(delivery, envelope, entry)
      // Otherwise it is in good hands: they keep it from being delivered again.
    } finally {
      this.#holding--
    }
  }

  #holding = 0

  /** What is confirmed when an item is finished, if it is not confirmed before. */
  #confirmedBy({ handle }: Claim): Answerable | undefined {
    return handle === undefined ? undefined : this.#options.engine.answerable(handle)
  }

  /**
   * Confirms a message of an item that was published twice, while another of its messages waits for the item
   * to be finished: by that one it comes to somebody else, with its body, if it is not.
   */
  async #confirmSecond(delivery: Delivery, id: string): Promise<void> {
    const { queue, tell } = this.#options
    tell({ type: 'repeated', queue: queue.name, id })
    await this.#ask(() => delivery.confirm())
  }

  /** Its receiver is lost. */
  async #takeOver(delivery: Delivery, envelope: Envelope, entry: Entry<Claim>): Promise<void> {
    const { engine, queue } = this.#options
    if (this.isFenced || isDown(queue)) {
      delivery.giveBack(1)
      return
    }
    const staged = await this.#staging.stage(delivery, envelope)
    const lease = leaseKey(entry.value.receiver)
    if ((await this.#ask(() => engine.leases.get(lease))) !== undefined) {
      staged.discard() // It is back.
      return
    }
    const taken = await this.#claims.takeOver(delivery, envelope, staged, entry)
    if (taken === undefined) {
      // Somebody was faster, or it was us, and the answer was lost: the next delivery tells.
      delivery.giveBack(1)
      return
    }
    await this.#staging.publish(staged)
    await this.#arrived('taken', delivery, envelope, staged, taken)
  }

  /** It is in queue/, to stay. */
  async #arrived(
    type: 'received' | 'taken',
    delivery: Delivery,
    envelope: Envelope,
    staged: Arriving,
    entry: Entry<Claim> | undefined,
  ): Promise<void> {
    const { queue, receiving, tell } = this.#options
    if (receiving.ack === 'finished') {
      staged.keep()
      this.#confirmLater(delivery, envelope, staged, entry)
      tell({ type, queue: queue.name, id: envelope.id })
      return
    }
    staged.discard()
    tell({ type, queue: queue.name, id: envelope.id })
    await this.#confirm(delivery, envelope)
  }

  /** It is confirmed when it is finished here. */
  #confirmLater(
    answerable: Answerable,
    { id, stored }: Envelope,
    arriving: Arriving | undefined,
    claim: Entry<Claim> | undefined,
  ): void {
    this.#unfinished.add({ id, answerable, arriving, claim, body: stored?.name })
  }

  async #confirmRepeated(
    delivery: Delivery,
    envelope: Envelope,
    found: Arriving | undefined,
  ): Promise<void> {
    const { queue, tell } = this.#options
    found?.discard()
    tell({ type: 'repeated', queue: queue.name, id: envelope.id })
    await this.#confirm(delivery, envelope)
  }

  /** What is here to stay, and only the servers have still to know it, takes no place of what is landed. */
  async #confirm(delivery: Delivery, { id, stored }: Envelope): Promise<void> {
    if (this.#confirming.size < mostConfirming) this.#deliveries.get(delivery)?.()
    const confirming = this.#ask(() => delivery.confirm())
    const settled = confirming.catch(() => undefined)
    this.#confirming.add(settled)
    try {
      await confirming
    } finally {
      this.#confirming.delete(settled)
    }
    if (stored !== undefined) await this.#unfinished.removeBody(id, stored.name)
  }

  /** Whether a named host has the item already, or had it. */
  #isHere(delivery: Delivery, id: string): boolean {
    const { queue } = this.#options
    if (holdsItem(queue, id)) return true
    // Only what is delivered again can be here under the name of a later try.
    if (delivery.deliveries === 1 && delivery.time > this.#linkedAt + skew) return false
    this.#retried ??= new Retried(queue)
    return this.#retried.has(id)
  }
}

/** How many items are remembered as received before the queue is listed again instead. */
const mostRemembered = 100_000

/** By how much the clocks of the servers may differ from ours, in milliseconds. */
const skew = 60_000
