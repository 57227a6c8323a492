import type { Entry } from '../../key-values.js'
import type { Arriving } from '../../queue/incoming.js'
import type { Claim, Delivery } from './engine.js'
import type { Envelope } from './envelope.js'
import type { LandingOptions } from './landing-options.js'
import type { Ask } from './patience.js'
import type { Staging } from './staging.js'
import { claimKey } from './subject.js'

/*
 * Who has an item of the pool is what the servers keep under its key: a claim, with the stamp of the file
 * that was staged for it. A claim of ours without a staged file means that the item was linked into queue/.
 * So a staged file whose claim may have been made is never removed before that is known.
 */

/** What the claims of a queue have to do with. */
export interface ClaimsOptions extends Pick<
  LandingOptions,
  'source' | 'engine' | 'incoming' | 'receiving'
> {
  readonly ask: Ask
  readonly staging: Staging
}

/** See above. */
export class Claims {
  readonly #options: ClaimsOptions

  constructor(options: ClaimsOptions) {
    this.#options = options
  }

  /** The claim of an item; undefined where anybody may claim it. */
  async find(id: string): Promise<Entry<Claim> | undefined> {
    const { ask, engine } = this.#options
    const entry = await ask(() => engine.claims.get(this.#keyOf(id)))
    return entry?.value.released === undefined ? entry : undefined
  }

  /** The claim of an item: ours, made now or before, or another's. */
  async make(delivery: Delivery, envelope: Envelope, staged: Arriving): Promise<Entry<Claim>> {
    const { ask, engine } = this.#options
    const { claims } = engine
    const key = this.#keyOf(envelope.id)
    const value = this.#claimFor(delivery, envelope, staged)
    for (;;) {
      const created = await ask(() => claims.create(key, value))
      if (created !== undefined) return { value, revision: created }
      const entry = await ask(() => claims.get(key))
      if (entry === undefined) continue // It has just expired.
      if (entry.value.released === undefined) return entry
      const revision = await ask(() => claims.replace(key, value, entry.revision))
      if (revision !== undefined) return { value, revision }
    }
  }

  /** Puts a claim of ours in the place of another's; undefined where that is not there any more. */
  async takeOver(
    delivery: Delivery,
    envelope: Envelope,
    staged: Arriving,
    others: Entry<Claim>,
  ): Promise<Entry<Claim> | undefined> {
    const { ask, engine } = this.#options
    const key = this.#keyOf(envelope.id)
    const value = this.#claimFor(delivery, envelope, staged)
    const revision = await ask(() => engine.claims.replace(key, value, others.revision))
    return revision === undefined ? undefined : { value, revision }
  }

  /**
   * Links what is here under a claim of ours, which is renewed for it: whoever is about to take it over, since
   * we were silent, finds that out.
   */
  async link(
    found: Arriving,
    { value, revision }: Entry<Claim>,
  ): Promise<Entry<Claim> | undefined> {
    const { ask, engine, staging } = this.#options
    const key = this.#keyOf(found.id)
    const renewed = await ask(() => engine.claims.replace(key, value, revision))
    if (renewed === undefined) return undefined
    await staging.publish(found)
    return { value, revision: renewed }
  }

  /** Whether this queue has made it. */
  isOurs({ receiver }: Claim): boolean {
    return receiver === this.#options.incoming.identity
  }

  #claimFor(delivery: Delivery, { stored }: Envelope, staged: Arriving): Claim {
    const { incoming, receiving } = this.#options
    return {
      receiver: incoming.identity,
      host: receiving.as,
      token: staged.stamp,
      ...(receiving.ack === 'finished' && {
        handle: delivery.handle,
        ...(stored !== undefined && { body: stored.name }),
      }),
    }
  }

  #keyOf(id: string): string {
    return claimKey(this.#options.source.queue, id)
  }
}

/** Whether what is here is what the claim is for, and is not in queue/. */
export function isToBeLinked(found: Arriving, { token }: Claim): boolean {
  return found.state === 'withdrawn' || (found.state === 'staged' && found.stamp === token)
}
