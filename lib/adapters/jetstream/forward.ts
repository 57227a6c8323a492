import { createHash } from 'node:crypto'
import { FsqError, type FsqErrorCode } from '../../errors.js'
import { checkMembers } from '../../members.js'
import type { QueueContext } from '../../queue/context.js'
import { downError, isDown } from '../../queue/down.js'
import { isReceivedInto, receiverIdentity } from '../../queue/incoming.js'
import type { Item } from '../../queue/item.js'
import { notBefore } from '../../queue/not-before.js'
import type { Queue } from '../../root/queue.js'
import type { WorkEvent } from '../../work/events.js'
import type { Ending } from '../../work/ending.js'
import type { Result } from '../../work/job.js'
import { Worker } from '../../work/worker.js'
import type { JetStream } from './connection.js'
import type { Engine } from './engine.js'
import { type Envelope, writeEnvelope } from './envelope.js'
import type { NatsEvent } from './events.js'
import { JetStreamEngine } from './jetstream-engine.js'
import { isAway, isOfAll, NatsError } from './nats-error.js'
import { patienceWith, sourceOnceThere } from './patience.js'
import { bodyName, claimKey, pool, subjectOf } from './subject.js'

/*
 * Forwarding: a worker (lib/work) whose work on an item is
 *
 *   1. claim it, as any worker does           the item in queue/, unlocked
 *   2. put a body that is too large for a     the same, and perhaps a body that nobody needs
 *      message into the object store
 *   3. publish it under its name, until the   the item here and there: it is published again, which is
 *      servers have confirmed that they keep  found out there, or where it is received
 *      it
 *   4. done, without a sync: 3 may come       the item there
 *      again
 *
 * No try is spent: that would change the name. How often it was tried, and how old it is, is for who works
 * on it there, and so is the time that it waits for.
 *
 * A queue into which items are received from the pool may give them back: then the claims of this queue are
 * released first, and the message gets another id, or it would be taken for a repetition.
 */

/** How items are forwarded. */
export interface ForwardOptions {
  /** For which host they are, or `any`: for the pool. @defaultValue the host of a host queue, or `any` */
  readonly to?: string | undefined
  /**
   * Go on with what arrives, until `signal` aborts; otherwise until the queue is empty, which it never is
   * while the servers are away.
   *
   * @defaultValue true
   */
  readonly follow?: boolean | undefined
  /** How many are under way at a time. @defaultValue 64 */
  readonly concurrency?: number | undefined
  /** How often, in seconds, the queue is looked at although nothing woke. @defaultValue 30 */
  readonly sweep?: number | undefined
  /** How long the end waits for what is under way, in seconds. @defaultValue 30 */
  readonly drain?: number | undefined
  /** Is told of everything. */
  readonly onEvent?: ((event: NatsEvent) => void) | undefined
  /** Ends it: what is under way is waited for, all else stays in the queue. */
  readonly signal?: AbortSignal | undefined
}

const known = new Set<string>([
  'to',
  'follow',
  'concurrency',
  'sweep',
  'drain',
  'onEvent',
  'signal',
] satisfies (keyof ForwardOptions)[])

/** What came of forwarding the items of a queue. */
export interface ForwardResult {
  /** How many the servers keep, and are done here. */
  readonly forwarded: number
  /** How many will never be forwarded, since they are no work-items or the servers never take them; they are in fail/. */
  readonly refused: number
  /** How many are in the queue as they were, although they were taken up. */
  readonly left: number
}

/**
 * Forwards the items of a queue, or of a host queue, to the servers; each is done here once they have
 * confirmed it. While they are away the items wait, as they are. A queue that is down is not forwarded.
 *
 * @throws `FsqError` `FSQ_NATS_SETUP` where the queue was not set up; `FSQ_DENIED`; `FSQ_NATS_CLIENT`;
 * `FSQ_LOCKED` where the queue is filled from the pool at the same time; `FSQ_DOWN` where it is down, unless
 * `follow`; `FSQ_NO_QUEUE`, `FSQ_SCAN`. What was not forwarded is in the queue as it was.
 */
export async function forwardItems(
  queue: Queue,
  jetStream: JetStream,
  options: ForwardOptions = {},
): Promise<ForwardResult> {
  checkMembers('an option of forwarding', options, known)
  return new Forwarder(queue.context, new JetStreamEngine(jetStream), options).run()
}

/** The body of an item that is published, if it is kept apart: it is sent once, however often that is tried. */
interface KeptBody {
  stored?: NonNullable<Envelope['stored']>
  /** There was none before, and no message of ours that may be there has it. */
  isOurs?: boolean
}

class Forwarder {
  readonly #queue: QueueContext
  /** The name of the queue on the servers. */
  readonly #name: string
  readonly #host: string | undefined
  readonly #subject: string
  readonly #engine: Engine
  readonly #options: ForwardOptions
  readonly #ending = new AbortController()
  readonly #patience
  /** Items that could not be forwarded, and are tried again in the next sweep. */
  readonly #unable = new Set<string>()
  /** The identity of the queue in claims, where it ever received from the pool. */
  #identity: string | undefined
  #checkedLoop = 0
  #refused = 0
  #failure: { readonly error: unknown } | undefined

  constructor(queue: QueueContext, engine: Engine, options: ForwardOptions) {
    this.#queue = queue
    this.#engine = engine
    this.#options = options
    const to = options.to ?? queue.host?.name ?? pool
    this.#name = queue.host?.queue.name ?? queue.name
    this.#host = to === pool ? undefined : to
    this.#subject = subjectOf('work', this.#name, this.#host)
    this.#patience = patienceWith(
      engine,
      (event) => {
        this.#tell(event)
      },
      (error) => {
        this.#fail(error)
      },
    )
  }

  async run(): Promise<ForwardResult> {
    const { concurrency = 64, sweep = 30, drain = 30, signal } = this.#options
    this.#checkLoop()
    signal?.addEventListener('abort', this.#end, { once: true })
    if (signal?.aborted === true) this.#end()
    try {
      const source = { queue: this.#name, host: this.#host }
      await sourceOnceThere(this.#engine, source, this.#patience, this.#ending.signal)
      // What is forwarded twice, since a power cut undid this, is found out where it is received.
      const settings = { ...this.#queue.settings, durability: 'none' } as const
      const worker = new Worker(
        [{ queue: { ...this.#queue, settings }, weight: 1 }],
        (item, ending) => this.#forward(item, ending),
        {
          concurrency,
          sweep,
          drain,
          early: true,
          maxTries: 0,
          ttl: 0,
          signal: this.#ending.signal,
          onEvent: (event) => {
            this.#hear(event)
          },
        },
      )
      const { done, left } = await worker.ended
      if (this.#failure !== undefined) throw this.#failure.error
      return { forwarded: done, refused: this.#refused, left: left + this.#unable.size }
    } finally {
      signal?.removeEventListener('abort', this.#end)
      this.#patience[Symbol.dispose]()
    }
  }

  /** Items that come from the pool would go round in circles; who fills the queue may come at any time. */
  #checkLoop(): void {
    if (this.#host !== undefined) return
    this.#identity ??= receiverIdentity(this.#queue)
    if (this.#identity === undefined || Date.now() - this.#checkedLoop < checkLoopEvery) return
    this.#checkedLoop = Date.now()
    if (!isReceivedInto(this.#queue)) return
    const { name } = this.#queue
    throw new FsqError(
      'FSQ_LOCKED',
      `${name} is being filled by "fsq nats receive": what is forwarded from there to the pool would come ` +
        'back; stop that first',
      { queue: name },
    )
  }

  readonly #end = (): void => {
    this.#ending.abort()
  }

  /** Publishes an item until the servers have it, or will not have it. Never rejects. */
  async #forward(item: Item, last: Ending): Promise<Result> {
    const ending = this.#ending.signal // Ends a wait at once; what is under way has until `last`.
    const kept: KeptBody = {}
    for (;;) {
      try {
        await this.#patience.run(() => this.#publish(item, kept, last), ending)
        return { returned: true }
      } catch (error) {
        if (ending.aborted) return { stopped: true }
        if (isAway(error) && !isDown(this.#queue)) continue
        if (!(error instanceof FsqError) || isOfAll(error) || ofAll.includes(error.code))
          this.#fail(error)
        else if (isRefused(error)) {
          const failed = await item.failPerm().catch((reason: unknown) => ({ unable: reason }))
          if (!('unable' in failed)) return { thrown: error }
        }
        this.#unable.add(item.id)
        return { unable: error }
      }
    }
  }

  async #publish(item: Item, kept: KeptBody, last: Ending): Promise<void> {
    const messageId = await this.#messageId(item)
    if (messageId === undefined) return
    const { id } = item
    const { stat } = item
    const time = notBefore(stat, Date.now())
    const inline = stat.size <= (await this.#engine.largestBody())
    if (!inline) kept.stored ??= await this.#store(item, kept, last.signal)
    const { stored, isOurs = false } = kept
    kept.isOurs = false
    const envelope: Envelope = {
      id,
      ...(time !== undefined && { notBefore: new Date(time) }),
      ...(stored !== undefined && { stored }),
    }
    const published = await this.#engine.publish({
      subject: this.#subject,
      messageId,
      headers: writeEnvelope(envelope),
      body: inline ? await item.bytes() : new Uint8Array(),
    })
    // It was published in an earlier life, and received: nobody else would remove what we have put since then.
    if (stored !== undefined && isOurs && published.repeated && !(await published.isThere()))
      await this.#engine.bodies.remove(stored.name)
  }

  async #store(
    item: Item,
    kept: KeptBody,
    signal: AbortSignal,
  ): Promise<NonNullable<Envelope['stored']>> {
    const name = bodyName(this.#subject, item.id)
    const hash = createHash('sha256')
    let size = 0
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of item.pieces()) {
        signal.throwIfAborted()
        hash.update(piece)
        size += piece.length
        yield Buffer.from(piece)
      }
    }
    kept.isOurs = (await this.#engine.bodies.put(name, pieces())).isNew
    return { name, size, digest: hash.digest('hex') }
  }

  /** The id of the message; undefined where another of the pool has the item by now. */
  async #messageId({ id }: Item): Promise<string | undefined> {
    this.#checkLoop() // What was received is in the queue only after its receiver has left its mark.
    const plain = `${this.#subject}/${encodeURIComponent(id)}`
    if (this.#identity === undefined) return plain
    const { claims } = this.#engine
    const key = claimKey(this.#name, id)
    for (;;) {
      const entry = await claims.get(key)
      if (entry === undefined) return plain
      const { value, revision } = entry
      if (value.receiver !== this.#identity) return undefined
      const { released = revision } = value
      const replaced =
        value.released ?? (await claims.replace(key, { ...value, released }, revision))
      if (replaced !== undefined) return `${plain}#${released}`
    }
  }

  #hear(event: WorkEvent): void {
    const { name: queue } = this.#queue
    switch (event.type) {
      case 'done':
        this.#unable.delete(event.id)
        this.#tell({ type: 'forwarded', queue, id: event.id })
        break
      case 'failed':
        this.#refuse(event.id, event.error && causeOf(event.error))
        break
      case 'malformed':
        this.#refuse(event.id, event.error)
        break
      case 'error':
        this.#hearError(event.error, event.id)
        break
      case 'down':
        if (this.#options.follow === false) this.#fail(downError([this.#queue]))
        else this.#tell({ type: 'down', queue })
        break
      case 'up':
        this.#tell({ type: 'up', queue })
        break
      case 'idle':
        this.#tell({ type: 'idle' })
        if (this.#options.follow === false) this.#end()
        break
      default:
        break
    }
  }

  #refuse(id: string, error: FsqError | undefined): void {
    this.#refused++
    if (error !== undefined) this.#tell({ type: 'refused', queue: this.#queue.name, id, error })
  }

  #hearError(error: FsqError | undefined, id: string | undefined): void {
    if (error === undefined || this.#failure !== undefined) return
    const { name: queue } = this.#queue
    const cause = causeOf(error)
    if (error.code === 'FSQ_NO_ITEM') this.#unable.delete(id ?? '')
    this.#tell({ type: 'error', queue, ...(id !== undefined && { id }), error: cause })
    if (id === undefined && this.#options.follow === false) this.#fail(error)
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#end()
  }

  #tell(event: NatsEvent): void {
    this.#options.onEvent?.(event)
  }
}

/** What any other item would meet as well, beside {@link isOfAll}. */
const ofAll: readonly FsqErrorCode[] = ['FSQ_NATS_CLIENT', 'FSQ_LOCKED']

/** In milliseconds. */
const checkLoopEvery = 1000

/** To a worker all that goes wrong is an error of a handler; what it was is behind that. */
function causeOf(error: FsqError): FsqError {
  return error.cause instanceof FsqError ? error.cause : error
}

function isRefused(error: unknown): boolean {
  return error instanceof NatsError && error.trouble === 'refused'
}
