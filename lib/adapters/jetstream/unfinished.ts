import { setTimeout } from 'node:timers/promises'
import type { Entry } from '../../key-values.js'
import { watchDirectory } from '../../posix/watch.js'
import { after, longestTimer } from '../../timer.js'
import { untilAborted } from '../../until-aborted.js'
import { type Backoff, backoffSeconds } from '../../work/backoff.js'
import type { Claim } from './engine.js'
import type { LandingOptions } from './landing-options.js'
import { leaseRenewal } from './layout.js'
import { Lease, leaseKey } from './lease.js'
import { isAway, NatsError } from './nats-error.js'
import { Outstanding, type OutstandingItem } from './outstanding.js'
import type { Ask } from './patience.js'
import { bodyName, claimKey, subjectOf } from './subject.js'

/*
 * The items that were received and are confirmed only when they are finished here: which of them are, and
 * whose they are until then. Those of the pool are ours as long as the others see that we live; before they
 * may take them over, what nobody here has begun is taken out of the queue.
 */

/** How often the claims of what is not finished are renewed, in seconds; setup lets none last less. */
const renewClaimsEvery = 1200

/** How long changes of the queue are gathered before it is looked at, in seconds. */
const gather = 0.05

/** How often the queue is looked at for what is finished although nothing told, in seconds. */
const sweep = 5

/** How long to wait before a body is removed again, in seconds. */
const removalPauses: Backoff = { base: 0.25, max: 60 }

/** What it needs of the landing that it is a part of. */
export interface UnfinishedOptions extends Pick<
  LandingOptions,
  'queue' | 'source' | 'engine' | 'incoming' | 'receiving' | 'ending' | 'tell' | 'fail'
> {
  readonly ask: Ask
  /** What was withdrawn may be linked again. */
  readonly recover: () => void
}

/** See above. */
export class Unfinished {
  readonly #options: UnfinishedOptions
  readonly #items: Outstanding
  readonly #renewal: number
  readonly #timers: NodeJS.Timeout[]
  #lease: Lease | undefined
  #fenced = false
  /** The finished ones that are being confirmed, by their names. */
  readonly #finishing = new Map<string, Promise<void>>()
  #renewing: Promise<void> | undefined
  #watch: Disposable | undefined
  #forgetGather: (() => void) | undefined
  #onFinished: () => void = () => undefined
  #closed = false

  constructor(options: UnfinishedOptions) {
    this.#options = options
    const { queue, source, receiving } = options
    this.#items = new Outstanding(queue)
    this.#renewal = Math.min(leaseRenewal, receiving.lostAfter / 6)
    if (source.host === undefined && receiving.ack === 'finished') this.#keepLease()
    this.#timers = [
      every(renewClaimsEvery, () => {
        this.#renewing ??= this.#renewClaims().finally(() => {
          this.#renewing = undefined
        })
      }),
      every(sweep, () => {
        this.#lookForFinished()
      }),
      every(this.#renewal, () => {
        try {
          this.#fence()
        } catch (error) {
          options.fail(error)
        }
      }),
    ]
  }

  /** Resolves when items can land: where others may take them over, when we are known to live. */
  async ready(): Promise<void> {
    const { ending } = this.#options
    await untilAborted(this.#lease?.held ?? Promise.resolve(), ending).catch(() => undefined)
  }

  /** Whether others may be about to take over what is here. */
  get isFenced(): boolean {
    return this.#fenced
  }

  /** An item is in queue/. */
  add(item: OutstandingItem): void {
    // What was delivered need not be kept in memory, only where it is answered.
    const answerable = this.#options.engine.answerable(item.answerable.handle)
    if (item.claim !== undefined) this.#keepLease()
    this.#items.add({ ...item, answerable })
    this.#watchQueue()
    this.#lookSoon()
  }

  get(id: string): OutstandingItem | undefined {
    return this.#items.get(id)
  }

  /** Whether an item is in queue/, perhaps under the name of a later try. */
  isWaiting(id: string): boolean {
    return this.#items.isWaiting(id)
  }

  /** Tells the engine that they are worked on. */
  keepAlive(): void {
    for (const { answerable } of this.#items.values()) answerable.working()
  }

  /** Resolves when all of them are finished, or the end has come. */
  async settled(): Promise<void> {
    const { ending } = this.#options
    while (this.#items.size > 0 && !ending.aborted) {
      const look = new Promise<void>((resolve) => (this.#onFinished = resolve))
      await untilAborted(look, ending).catch(() => undefined)
    }
  }

  /** Others who get it again are to see that it is finished. Where they have taken it over, they have. */
  async claimFinished(id: string, claim: Entry<Claim>): Promise<void> {
    const { ask } = this.#options
    await ask(() => this.#change(id, claim, ({ value }) => ({ ...value, finished: true })))
  }

  /**
   * Of an item that is here, or was. A message that names the body of another item has no say over that. Servers that
   * are there otherwise are not taken for away, which would hold up all other items.
   */
  async removeBody(id: string, name: string): Promise<void> {
    const { ask, ending, engine, queue, source, tell } = this.#options
    if (name !== bodyName(subjectOf('work', source.queue, source.host), id)) return
    for (let failures = 1; ; failures++) {
      try {
        await engine.bodies.remove(name)
        return
      } catch (error) {
        if (!(error instanceof NatsError) || ending.aborted) throw error
        if (!isAway(error)) {
          tell({ type: 'error', queue: queue.name, id, error })
          return
        }
        await ask(() => engine.source(source))
        if (failures === 2) tell({ type: 'error', queue: queue.name, id, error })
      }
      const pause = backoffSeconds(removalPauses, failures) * 1000
      await setTimeout(pause, undefined, { signal: ending })
    }
  }

  /** Gives back what can be; what is worked on goes on without us. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#watch?.[Symbol.dispose]()
    this.#forgetGather?.()
    await Promise.all(this.#finishing.values())
    await this.#renewing
    await Promise.allSettled(this.#items.values().map((item) => this.#giveBack(item)))
    this.#lease?.[Symbol.dispose]()
  }

  /**
   * What nobody here has begun is anybody's again: without us nobody keeps others from taking it over. It is
   * withdrawn first, and only forgotten when the servers know; otherwise it is linked again at the next start.
   */
  async #giveBack({ id, answerable, arriving, claim }: OutstandingItem): Promise<void> {
    const { queue, tell } = this.#options
    if (claim === undefined || arriving?.withdraw() !== true) return
    const isReleased = await this.#change(id, claim, ({ value, revision }) => ({
      ...value,
      released: revision,
    }))
    arriving.discard()
    if (!isReleased) return // It was taken over.
    answerable.giveBack(0)
    tell({ type: 'returned', queue: queue.name, id })
  }

  /**
   * Changes our claim of an item, whatever its revision by now: the answer to a renewal may have been lost.
   *
   * @returns false where it is not ours any more
   */
  async #change(
    id: string,
    known: Entry<Claim>,
    change: (ours: Entry<Claim>) => Claim,
  ): Promise<boolean> {
    const { engine, incoming } = this.#options
    const key = this.#keyOf(id)
    const isOurs = ({ receiver, released, finished }: Claim): boolean =>
      receiver === incoming.identity && released === undefined && finished !== true
    let entry: Entry<Claim> | undefined = known
    while (entry !== undefined && isOurs(entry.value)) {
      const changed = await engine.claims.replace(key, change(entry), entry.revision)
      if (changed !== undefined) return true
      entry = await engine.claims.get(key)
    }
    return false
  }

  #keepLease(): void {
    const { engine, incoming, receiving, fail } = this.#options
    const key = leaseKey(incoming.identity)
    this.#lease ??= new Lease(engine, key, receiving.as, this.#renewal, fail)
  }

  /**
   * A receiver that cannot reach the servers is lost to the others, who will take over what it has. So what
   * nobody here has begun is taken out of the queue in time.
   */
  #fence(): void {
    const { queue, receiving, recover, tell } = this.#options
    if (this.#lease === undefined) return
    const isFenced = this.#lease.silentFor > (receiving.lostAfter * 2) / 3
    if (isFenced) for (const item of this.#items.values()) this.#withdraw(item)
    if (isFenced === this.#fenced) return
    this.#fenced = isFenced
    tell({ type: isFenced ? 'fenced' : 'unfenced', queue: queue.name })
    if (!isFenced) recover()
  }

  #withdraw({ id, arriving, claim }: OutstandingItem): void {
    if (claim !== undefined && arriving?.withdraw() === true) this.#items.delete(id)
  }

  /** Claims are forgotten after a while; those of what is worked on must not be. */
  async #renewClaims(): Promise<void> {
    const { engine, recover } = this.#options
    for (const item of this.#items.values()) {
      if (item.claim === undefined) continue
      const { value, revision } = item.claim
      try {
        const renewed = await engine.claims.replace(this.#keyOf(item.id), value, revision)
        if (renewed === undefined) this.#withdraw(item)
        else item.claim = { value, revision: renewed }
      } catch {
        // It is away, and has a while to come back.
      }
      if (this.#closed) return
    }
    recover() // What was withdrawn belongs to somebody else by now, or is linked again.
  }

  #watchQueue(): void {
    const { queue } = this.#options
    try {
      this.#watch ??= watchDirectory(
        queue.paths.queue,
        () => {
          this.#lookSoon()
        },
        () => {
          this.#watch = undefined
        },
      )
    } catch {
      // Then only the sweep finds it.
    }
  }

  #lookSoon(): void {
    if (this.#closed) return
    this.#forgetGather ??= after(gather, () => {
      this.#forgetGather = undefined
      this.#lookForFinished()
    })
  }

  /** Each is confirmed by itself: one that takes its time holds up no other. */
  #lookForFinished(): void {
    const { ending, fail } = this.#options
    try {
      for (const item of this.#items.finished()) {
        const { id } = item
        if (this.#finishing.has(id)) continue
        const finishing = this.#finish(item)
          .catch((error: unknown) => {
            if (!ending.aborted) fail(error)
          })
          .finally(() => this.#finishing.delete(id))
        this.#finishing.set(id, finishing)
      }
    } catch (error) {
      fail(error)
    }
  }

  async #finish(item: OutstandingItem): Promise<void> {
    const { ask } = this.#options
    const { id, arriving, claim, body } = item
    if (claim !== undefined) await this.claimFinished(id, claim)
    // Before it is confirmed: nothing tells of the body afterwards.
    if (body !== undefined) await this.removeBody(id, body)
    // By its last delivery, of which one may come while another gets no answer.
    await ask(() => item.answerable.confirm())
    arriving?.discard()
    this.#items.delete(id)
    this.#onFinished()
  }

  #keyOf(id: string): string {
    return claimKey(this.#options.source.queue, id)
  }
}

function every(seconds: number, act: () => void): NodeJS.Timeout {
  return setInterval(act, Math.min(seconds * 1000, longestTimer))
}
