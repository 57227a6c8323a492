import { longestTimer } from '../../timer.js'
import { Claims } from './claims.js'
import { Confirmation } from './confirmation.js'
import type { Delivery } from './engine.js'
import { type Envelope, readEnvelope } from './envelope.js'
import { FailedDeliveries } from './failed-deliveries.js'
import { LandingForHost } from './landing-for-host.js'
import { LandingFromPool } from './landing-from-pool.js'
import type { LandingOptions } from './landing-options.js'
import { askWith } from './patience.js'
import { Recovery } from './recovery.js'
import { Staging } from './staging.js'
import { Turns } from './turns.js'
import { Unfinished } from './unfinished.js'

/*
 * What happens to an item that is delivered: it is written to .incoming/, then linked into queue/ (staging.ts),
 * and then confirmed (confirmation.ts). What comes in between, and what a redelivery finds, is another thing
 * for a named host (landing-for-host.ts) than from the pool (landing-from-pool.ts, claims.ts). What is left in
 * .incoming/ by whatever ended in between is brought to an end (recovery.ts).
 */

/** Lands deliveries in a queue. */
export class Landing {
  readonly #options: LandingOptions
  readonly #giveUp = new AbortController()
  readonly #turns = new Turns()
  /** All that has to be told that it is worked on, and who is told when it takes no place any more. */
  readonly #deliveries = new Map<Delivery, () => void>()
  readonly #unfinished: Unfinished
  readonly #staging: Staging
  readonly #confirmation: Confirmation
  readonly #forHost: LandingForHost
  readonly #fromPool: LandingFromPool
  readonly #recovery: Recovery
  readonly #failed: FailedDeliveries
  readonly #link: Disposable
  readonly #timer: NodeJS.Timeout

  constructor(options: LandingOptions) {
    this.#options = options
    const { engine, ending, info, patience } = options
    const ask = askWith(patience, ending)
    const givenUp = this.#giveUp.signal
    const leavePlace = (delivery: Delivery): void => this.#deliveries.get(delivery)?.()
    const recover = (): void => void this.#recovery.recover()
    const unfinished = new Unfinished({ ...options, ask, recover })
    const staging = new Staging({ ...options, ask, givenUp })
    const claims = new Claims({ ...options, ask, staging })
    const confirmation = new Confirmation({ ...options, ask, unfinished, leavePlace })
    this.#unfinished = unfinished
    this.#staging = staging
    this.#confirmation = confirmation
    this.#forHost = new LandingForHost({ ...options, staging, unfinished, confirmation })
    this.#fromPool = new LandingFromPool({
      ...options,
      ask,
      staging,
      claims,
      unfinished,
      confirmation,
      leavePlace,
    })
    this.#recovery = new Recovery({ ...options, claims, unfinished, turns: this.#turns })
    this.#failed = new FailedDeliveries({ ...options, ask, givenUp })
    this.#link = engine.onLink((lost) => {
      if (lost === undefined) recover()
    })
    const often = Math.min(Math.max(0.3, info.ackWait / 3) * 1000, longestTimer)
    this.#timer = setInterval(() => {
      for (const delivery of this.#deliveries.keys()) delivery.working()
      for (const delivery of options.ahead()) delivery.working()
      unfinished.keepAlive()
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
    return this.#confirmation.settled()
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
    let envelope: Envelope
    try {
      envelope = readEnvelope(delivery.headers, this.#options.queue)
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
    const { engine, source } = this.#options
    const { id } = envelope
    const outstanding = this.#unfinished.get(id)
    if (outstanding !== undefined) {
      // A second message of the item would never be confirmed otherwise.
      if (await this.#confirmation.isSecond(delivery, envelope, outstanding.answerable))
        await this.#confirmation.second(delivery, id)
      else outstanding.answerable = engine.answerable(delivery.handle)
      return
    }
    if (source.host === undefined) await this.#fromPool.land(delivery, envelope)
    else await this.#forHost.land(delivery, envelope)
  }
}
