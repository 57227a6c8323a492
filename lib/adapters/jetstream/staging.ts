import { FsqError } from '../../errors.js'
import { parseItemName } from '../../name/item-name.js'
import { spent } from '../../queue/finish.js'
import type { Arriving } from '../../queue/incoming.js'
import { Patience } from '../../work/patience.js'
import type { Delivery } from './engine.js'
import type { Envelope } from './envelope.js'
import { isLocal } from './landing-error.js'
import type { LandingOptions } from './landing-options.js'
import { isAway } from './nats-error.js'
import { type Ask, askWith } from './patience.js'
import { bodyOf, causeOf, isSameBody } from './stored-body.js'

/** What staging has to do with. */
export interface StagingOptions extends Pick<
  LandingOptions,
  'queue' | 'source' | 'engine' | 'incoming' | 'receiving' | 'ending' | 'tell'
> {
  readonly ask: Ask
  /** Ends what is being written. */
  readonly givenUp: AbortSignal
}

/** The way of an item over our own disk: into .incoming/, and from there into queue/. */
export class Staging implements Disposable {
  readonly #options: StagingOptions
  readonly #disk: Patience
  readonly #onDisk: Ask

  constructor(options: StagingOptions) {
    const { ending, queue, tell } = options
    this.#options = options
    this.#disk = new Patience({
      judge: (error) => (isLocal(error) ? { remote: 'away' } : undefined),
      onAway: (error) => {
        if (error instanceof FsqError) tell({ type: 'error', queue: queue.name, error })
      },
      onBack: () => undefined,
    })
    this.#onDisk = askWith(this.#disk, ending, isLocal)
  }

  /** Writes an item to .incoming/. What keeps our disk from it is waited for. */
  async stage(delivery: Delivery, envelope: Envelope): Promise<Arriving> {
    this.#checkLimits(delivery, envelope)
    const { ask, incoming, ending, engine, givenUp, source } = this.#options
    const { id, notBefore } = envelope
    for (;;) {
      try {
        return await this.#disk.run(
          async () =>
            incoming.stage(id, bodyOf(engine, delivery, envelope), {
              notBefore,
              isTold: source.host === undefined,
              signal: givenUp,
            }),
          ending,
        )
      } catch (error) {
        const cause = causeOf(error)
        if (ending.aborted) throw cause
        if (isAway(cause)) await ask(() => engine.source(source))
        else if (!isLocal(error)) throw cause
      }
    }
  }

  /** Goes on with what was staged before, by whoever may have been killed in the middle, if it is the whole item. */
  async resume(
    found: Arriving,
    delivery: Delivery,
    envelope: Envelope,
  ): Promise<Arriving | undefined> {
    if (!(await isSameBody(found, delivery, envelope)) || !isOfItsTime(found, envelope))
      return undefined
    await this.#onDisk(() => this.#options.incoming.resume(found))
    return found
  }

  /** Links what is staged into queue/, to last. What keeps our disk from it is waited for. */
  async publish(staged: Arriving): Promise<void> {
    await this.#onDisk(() => staged.publish())
  }

  [Symbol.dispose](): void {
    this.#disk[Symbol.dispose]()
  }

  /** Whether an item may come in that is not here yet. */
  #checkLimits({ body }: Delivery, { id, stored }: Envelope): void {
    const { queue, receiving } = this.#options
    const { ttl, maxSize } = receiving
    const name = parseItemName(id, queue.reading)
    const about = { queue: queue.name, id, ...name }
    if (spent(about, { maxTries: 0, ttl }, queue.clock.now()) !== undefined)
      throw new FsqError('FSQ_TTL_EXPIRED', `item ${id} is older than the ${ttl} s that it may be`)
    const size = stored?.size ?? body.length
    if (maxSize > 0 && size > maxSize)
      throw new FsqError(
        'FSQ_NATS_MESSAGE',
        `item ${id} has ${size} bytes, and at most ${maxSize} are received`,
      )
  }
}

/**
 * How much the time of a file may differ from the one that was set, as coarse as file systems keep it, in
 * milliseconds.
 */
const coarseness = 2000

/** Whether a staged file waits for the time of its item; that is set after the last of the body was written. */
function isOfItsTime(found: Arriving, { notBefore }: Envelope): boolean {
  return notBefore === undefined || Math.abs(found.time - notBefore.getTime()) <= coarseness
}
