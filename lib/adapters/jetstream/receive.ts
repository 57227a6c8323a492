import { watchDirectory } from '../../posix/watch.js'
import type { QueueContext } from '../../queue/context.js'
import { isDown } from '../../queue/down.js'
import { Incoming } from '../../queue/incoming.js'
import { pullTriggerIfThere } from '../../queue/trigger.js'
import type { Queue } from '../../root/queue.js'
import { after } from '../../timer.js'
import type { JetStream } from './connection.js'
import type { Delivery, Engine, Source, SourceInfo } from './engine.js'
import type { NatsEvent } from './events.js'
import { Intake } from './intake.js'
import { JetStreamEngine } from './jetstream-engine.js'
import { Landing } from './landing.js'
import { Level } from './level.js'
import { isAway } from './nats-error.js'
import { patienceWith, sourceOnceThere } from './patience.js'
import { checkedReceiving, type ReceiveItemsOptions, type Receiving } from './receive-options.js'

/*
 * Receiving: deliveries are asked for as there is room in the queue (intake.ts), and each lands in it (landing.ts).
 * Here is when, and how many at a time.
 */

/** What came of receiving. */
export interface ReceiveResult {
  /** How many items are new in the queue. */
  readonly received: number
  /** How often an item was delivered that this queue, or another of the pool, had already. */
  readonly repeated: number
  /** How many messages went to the dead letters. */
  readonly dead: number
  /** How many were returned to the servers as they were. */
  readonly returned: number
}

/**
 * Receives items from the servers into a queue, each under its name, and confirms them. While the queue is
 * full, or down, no more are asked for.
 *
 * @throws `FsqError` `FSQ_NATS_SETUP` where the queue was not set up; `FSQ_DENIED`; `FSQ_NATS_CLIENT`;
 * `FSQ_LOCKED` where somebody else receives into the queue; `FSQ_NO_QUEUE`, `FSQ_ENQUEUE`.
 */
export async function receiveItems(
  queue: Queue,
  jetStream: JetStream,
  options: ReceiveItemsOptions = {},
): Promise<ReceiveResult> {
  return receiveFrom(new JetStreamEngine(jetStream), queue.context, options)
}

/** {@link receiveItems} from any engine. */
export async function receiveFrom(
  engine: Engine,
  queue: QueueContext,
  options: ReceiveItemsOptions = {},
): Promise<ReceiveResult> {
  return new Receiver(queue, engine, options).run()
}

/** How many are asked for at once at most. */
const mostAtOnce = 256

/** While items under way have so many bytes together, which are held in memory, no more are asked for. */
const mostBytes = 64 * 1024 * 1024

/** How many are fetched ahead, at least and at most; in between, as many as are under way at a time. */
const ahead = { least: 8, most: 64 }

/** So few, as a part of the depth or of what is asked for ahead, are not asked for: each time costs a request. */
const worthwhile = { ofDepth: 0.25, ofWindow: 0.5 }

/** How long the servers wait for items before they are asked again, in seconds. */
const pullFor = 30

/** The same where nothing is waited for. */
const pullBriefly = 1

/** How long to wait where nothing tells of a change, in seconds. */
const lookAgain = 1

class Receiver {
  readonly #queue: QueueContext
  readonly #source: Source
  readonly #engine: Engine
  readonly #options: ReceiveItemsOptions
  readonly #receiving: Receiving
  readonly #ending = new AbortController()
  readonly #patience
  readonly #level
  readonly #counts = { received: 0, repeated: 0, dead: 0, returned: 0 }
  readonly #intake: Intake
  /** How many may be under way, or have been asked for. */
  readonly #window: number
  /** So few of those are not asked for. */
  readonly #least: number
  #landing: Landing | undefined
  /** Those under way, each with how many bytes it has. */
  readonly #landings = new Map<Promise<void>, number>()
  /** Those that wait for others, or for their confirmation only, and take no place. */
  readonly #held = new Set<Promise<void>>()
  #pullsSoon = false
  #failure: { readonly error: unknown } | undefined
  #state: 'down' | 'full' | undefined
  #wake: () => void = () => undefined

  constructor(queue: QueueContext, engine: Engine, options: ReceiveItemsOptions) {
    this.#queue = queue
    this.#engine = engine
    this.#options = options
    this.#receiving = checkedReceiving(options, queue)
    this.#level = new Level(queue)
    this.#source = { queue: queue.host?.queue.name ?? queue.name, host: options.host }
    this.#patience = patienceWith(
      engine,
      (event) => {
        this.#tell(event)
      },
      (error) => {
        this.#fail(error)
      },
    )
    const { concurrency } = this.#receiving
    this.#window = concurrency + Math.min(Math.max(concurrency, ahead.least), ahead.most)
    this.#least = leastOf(this.#window, worthwhile.ofWindow)
    this.#intake = new Intake({
      engine,
      source: this.#source,
      seconds: options.follow === false ? pullBriefly : pullFor,
      patience: this.#patience,
      ending: this.#ending.signal,
      onDelivery: () => {
        this.#beginNext()
      },
      onLapse: () => {
        this.#wake()
      },
    })
  }

  async run(): Promise<ReceiveResult> {
    const { signal } = this.#options
    const { signal: ending } = this.#ending
    signal?.addEventListener('abort', this.#end, { once: true })
    if (signal?.aborted === true) this.#end()
    try {
      using incoming = await Incoming.open(this.#queue)
      const info = await sourceOnceThere(this.#engine, this.#source, this.#patience, ending)
      if (info !== undefined) await this.#receive(incoming, info)
      if (this.#failure !== undefined) throw this.#failure.error
      return { ...this.#counts }
    } finally {
      signal?.removeEventListener('abort', this.#end)
      this.#patience[Symbol.dispose]()
    }
  }

  async #receive(incoming: Incoming, info: SourceInfo): Promise<void> {
    const landing = new Landing({
      queue: this.#queue,
      source: this.#source,
      engine: this.#engine,
      incoming,
      info,
      receiving: this.#receiving,
      patience: this.#patience,
      ending: this.#ending.signal,
      ahead: () => this.#intake.ahead,
      tell: (event) => {
        this.#tell(event)
      },
      fail: (error) => {
        this.#fail(error)
      },
    })
    this.#landing = landing
    const watches = this.#stateDirectories().map((directory) =>
      watched(directory, () => {
        if (this.#isDown()) this.#stopIntake()
        this.#wake()
      }),
    )
    try {
      await landing.ready()
      await this.#pullAll(landing)
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#end() // What only waits for others is given back.
      const giveUp = after(this.#options.drain ?? 30, () => {
        landing.giveUp()
      })
      await this.#intake.stopped()
      await Promise.all([...this.#landings.keys(), ...this.#held])
      giveUp()
      for (const watch of watches) watch[Symbol.dispose]()
      await landing.close()
    }
  }

  /** Asks for as much as there is room for, again and again. */
  async #pullAll(landing: Landing): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted) {
      const room = landing.isFenced ? 0 : this.#room()
      if (landing.isFenced || this.#state === 'down') this.#stopIntake()
      try {
        const most = await this.#wanted(room)
        if (most === undefined) {
          await landing.confirmed()
          await landing.recover()
          await landing.settled()
          return
        }
        if (most === 0) await this.#change()
        else await this.#intake.ask(most, () => !signal.aborted && !this.#isDown())
      } catch (error) {
        if (this.#ending.signal.aborted) return
        if (!isAway(error)) throw error
      }
    }
  }

  /** How many to ask for where there is room for so many; undefined where no more are to come. */
  async #wanted(room: number): Promise<number | undefined> {
    const { asked, ahead, behind } = this.#intake
    if (room === 0 || this.#options.follow !== false) return room
    if (behind !== undefined && behind > 0) return Math.min(room, behind)
    // What is under way may come back, so the end is looked for after it.
    if (asked > 0 || ahead.length > 0 || (behind === 0 && this.#landings.size > 0)) return 0
    const waiting = await this.#intake.look()
    if (waiting > 0 || this.#landings.size > 0) return Math.min(room, waiting)
    return undefined
  }

  /** Begins what has come, as far as there are places for it. */
  #beginNext(): void {
    const landing = this.#landing
    while (this.#intake.ahead.length > 0) {
      const isFull = this.#landings.size >= this.#receiving.concurrency
      if (landing === undefined || this.#ending.signal.aborted || (!isFull && this.#isDown()))
        this.#stopIntake()
      if (isFull) return
      const delivery = this.#intake.next()
      if (landing !== undefined && delivery !== undefined) this.#begin(landing, delivery)
    }
  }

  #begin(landing: Landing, delivery: Delivery): void {
    const landed = landing.land(delivery, () => {
      this.#held.add(landed)
      this.#leave(landed)
    })
    this.#landings.set(landed, delivery.body.length)
    void landed.finally(() => {
      this.#held.delete(landed)
      this.#leave(landed)
    })
  }

  /** One has landed, or takes no place any more. */
  #leave(landed: Promise<void>): void {
    if (!this.#landings.delete(landed)) return
    this.#beginNext()
    if (this.#free >= this.#least || this.#underWay === 0) this.#wake()
  }

  /** Takes no more, and gives back what was not begun. */
  #stopIntake(): void {
    this.#counts.returned += this.#intake.stop()
  }

  /** How many there are places for, those that are waited for included. */
  get #free(): number {
    return this.#window - this.#underWay
  }

  get #underWay(): number {
    return this.#landings.size + this.#intake.ahead.length + this.#intake.asked
  }

  /** How many bytes have come and not landed. */
  get #bytes(): number {
    let bytes = 0
    for (const length of this.#landings.values()) bytes += length
    for (const { body } of this.#intake.ahead) bytes += body.length
    return bytes
  }

  /** How many may be asked for now; tells when that changes to none, and back. */
  #room(): number {
    if (this.#isDown()) {
      this.#enter('down')
      return 0
    }
    const { depth } = this.#receiving
    const underWay = this.#underWay
    // Each request may bring some bytes, so there are never many of them.
    if (this.#free < this.#least || this.#intake.asked > mostAtOnce) return 0
    if (this.#bytes >= mostBytes) return 0
    const least = leastOf(depth, worthwhile.ofDepth)
    const room = depth - underWay - this.#level.atMost(depth - underWay - least)
    const isFull = underWay === 0 ? room <= 0 : room < least
    if (isFull) {
      if (underWay === 0) this.#enter('full')
      return 0
    }
    this.#enter(undefined)
    return Math.min(this.#free, room, mostAtOnce)
  }

  #enter(state: 'down' | 'full' | undefined): void {
    const { name: queue } = this.#queue
    if (state === this.#state) return
    if (this.#state === 'down') this.#tell({ type: 'up', queue })
    if (this.#state === 'full' && state !== 'down') this.#tell({ type: 'room', queue })
    this.#state = state
    if (state !== undefined) this.#tell({ type: state, queue })
  }

  /** Waits until something has changed: an item has landed, or left the queue, or the queue is up. */
  async #change(): Promise<void> {
    // Where items are landing, or may come, each of them tells.
    const directories = this.#underWay > 0 ? [] : [this.#queue.paths.queue]
    await new Promise<void>((resolve) => {
      const forget = after(lookAgain, resolve)
      const watches = directories.map((directory) => watched(directory, resolve))
      this.#wake = () => {
        resolve()
      }
      this.#ending.signal.addEventListener('abort', this.#wake, { once: true })
      if (this.#ending.signal.aborted) resolve()
      this.#forget = () => {
        forget()
        this.#ending.signal.removeEventListener('abort', this.#wake)
        for (const watch of watches) watch[Symbol.dispose]()
      }
    })
    this.#forget()
  }

  #forget: () => void = () => undefined

  /** Where the down file comes and goes. */
  #stateDirectories(): string[] {
    const { paths, host } = this.#queue
    return [paths.directory, ...(host === undefined ? [] : [host.queue.paths.directory])]
  }

  #isDown(): boolean {
    try {
      return isDown(this.#queue)
    } catch (error) {
      this.#fail(error)
      return true
    }
  }

  readonly #end = (): void => {
    this.#ending.abort()
    this.#stopIntake()
    this.#wake()
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#end()
  }

  #tell(event: NatsEvent): void {
    if (event.type === 'received' || event.type === 'taken') {
      this.#counts.received++
      this.#level.add()
      this.#pullTriggerSoon()
    }
    if (event.type === 'repeated') this.#counts.repeated++
    if (event.type === 'dead') this.#counts.dead++
    if (event.type === 'returned') this.#counts.returned++
    this.#options.onEvent?.(event)
  }

  /** Where there is a trigger, who works on the items hears of it alone; once for those that come together. */
  #pullTriggerSoon(): void {
    if (this.#pullsSoon) return
    this.#pullsSoon = true
    setImmediate(() => {
      this.#pullsSoon = false
      pullTriggerIfThere(this.#queue)
    })
  }
}

/** How few of so many are not worth to be asked for. */
function leastOf(most: number, part: number): number {
  return Math.max(1, Math.min(64, Math.floor(most * part)))
}

/** Tells of changes in a directory, where that can be had. */
function watched(directory: string, onChange: () => void): Disposable {
  try {
    return watchDirectory(directory, onChange, onChange)
  } catch {
    return { [Symbol.dispose]: () => undefined } // Then it is looked at again after a while.
  }
}
