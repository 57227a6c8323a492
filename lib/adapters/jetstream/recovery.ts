import type { Entry } from '../../key-values.js'
import { type Claims, isToBeLinked } from './claims.js'
import type { Claim } from './engine.js'
import type { LandingOptions } from './landing-options.js'
import { isAway, NatsError } from './nats-error.js'
import type { Turns } from './turns.js'
import type { Unfinished } from './unfinished.js'

/*
 * What is left in .incoming/. Where the claim of the item is ours, the file that it is for is linked into
 * queue/, if it was not; where it is another's, nothing stays, nor in queue/ unless somebody works on it. Of
 * what nobody has claimed the redelivery decides; so it does for a named host, whoever of a pool has had the
 * item before.
 */

/** How often what is left in .incoming/ is looked at, in seconds. */
const recoverEvery = 60

/** A staged file that nobody has claimed after so long is of a message that went elsewhere. In ms. */
const unclaimedFor = 24 * 3600 * 1000

/** What a recovery has to do with. */
export interface RecoveryOptions extends Pick<
  LandingOptions,
  'queue' | 'source' | 'engine' | 'incoming' | 'ending' | 'tell' | 'fail'
> {
  readonly claims: Claims
  readonly turns: Turns
  readonly unfinished: Unfinished
}

/** See above. */
export class Recovery {
  readonly #options: RecoveryOptions
  readonly #timer: NodeJS.Timeout
  #recovering: Promise<void> | undefined
  #again = false

  constructor(options: RecoveryOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.recover(), recoverEvery * 1000)
  }

  /** Brings to an end what is left in .incoming/, by whatever ended before it was through. Never rejects. */
  async recover(): Promise<void> {
    this.#again = true
    this.#recovering ??= this.#recover().finally(() => {
      this.#recovering = undefined
    })
    return this.#recovering
  }

  /** Looks no more by itself; resolves when what is under way has ended. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#recovering
  }

  async #recover(): Promise<void> {
    const { ending, fail, incoming, turns, unfinished } = this.#options
    try {
      while (this.#again && !ending.aborted && !unfinished.isFenced) {
        this.#again = false
        for (const id of incoming.list()) {
          if (turns.isTaken(id) || unfinished.get(id) !== undefined) continue
          await turns.take(id, () => this.#recoverItem(id))
          ending.throwIfAborted()
        }
      }
    } catch (error) {
      if (!ending.aborted && !isAway(error)) fail(error)
    }
  }

  async #recoverItem(id: string): Promise<void> {
    const { queue, tell } = this.#options
    try {
      await this.#decide(id)
    } catch (error) {
      if (!(error instanceof NatsError) || error.trouble !== 'refused') throw error
      tell({ type: 'error', queue: queue.name, id, error })
    }
  }

  async #decide(id: string): Promise<void> {
    const { claims, engine, incoming, queue, source, tell, unfinished } = this.#options
    const entry = await claims.find(id)
    const found = incoming.find(id)
    if (found === undefined) return
    const isOurs = entry !== undefined && claims.isOurs(entry.value)
    if (entry === undefined || (!isOurs && source.host !== undefined)) {
      const isOld = found.state !== 'linked' && Date.now() - found.time > unclaimedFor
      if (isOld || (found.state === 'linked' && !unfinished.isWaiting(id))) found.discard()
      return
    }
    const { value } = entry
    if (!isOurs) {
      found.withdraw()
      found.discard()
      return
    }
    let linked: Entry<Claim> | undefined = entry
    if (found.state !== 'linked') {
      if (!isToBeLinked(found, value)) {
        found.discard()
        return
      }
      linked = await claims.link(found, entry)
      if (linked === undefined) {
        this.#again = true // Somebody has replaced it just now.
        return
      }
      tell({ type: 'received', queue: queue.name, id })
    }
    if (value.handle === undefined || value.finished === true) {
      found.discard()
      return
    }
    found.keep()
    const answerable = engine.answerable(value.handle)
    unfinished.add({ id, answerable, arriving: found, claim: linked, body: value.body })
  }
}
