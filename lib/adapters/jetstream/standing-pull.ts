import type { Msg, Subscription } from '@nats-io/transport-node'
import { after } from '../../timer.js'
import type { Connected } from './connection.js'
import type { Delivery, Pull, PullListener } from './engine.js'
import { headerRoom, largestInline } from './layout.js'
import { natsError } from './nats-error.js'

/*
 * A pull that stands: one subscription, over which the server is asked for more while what was asked for before is
 * still coming. Each request lapses after a while, which the server tells, with what it lacked; until then it says
 * every now and then that it is there. One for large items lapses when the next would be too much: a server cuts off
 * whom it has more to send than it may have pending, 64 MiB by default.
 */

/**
 * How often a server that waits for items says that it is there, in seconds. One that was asked just before it lost, or
 * got, the lead may forget it, which is found out after two of these.
 */
const heartbeat = 2

/** What is on its way when a pull is ended is waited for, for so long, in seconds. */
const goodbye = 0.5

/** What the server says instead of an item. */
const says = { thatItIsThere: 100, thatNothingCame: [404, 408], thatItIsTooMuch: 409 } as const

/** Where, and how, it is asked. */
export interface StandingPullOptions {
  readonly connected: Connected
  readonly stream: string
  readonly consumer: string
  /** How long a request stands, in seconds. */
  readonly seconds: number
  readonly listener: PullListener
  /** For errors: `cannot …`. */
  readonly attempt: string
  /** Nothing comes any more. */
  readonly onClose: () => void
  /** What comes; undefined for what no server delivers. */
  readonly read: (message: Msg) => Delivery | undefined
}

/** See above. */
export class StandingPull implements Pull {
  readonly #options: StandingPullOptions
  readonly #inbox: string
  /** Where it is asked. */
  readonly #subject: string
  readonly #subscription: Subscription
  readonly #denial: Disposable
  readonly #heartbeat: number
  /** How much may come of one request: the largest message at least, or that could never come. In bytes. */
  #most: number
  #asked = 0
  /** How many heartbeats were missed. */
  #missed = 0
  #monitor: NodeJS.Timeout | undefined
  #ending: Promise<void> | undefined
  #ended = false

  constructor(options: StandingPullOptions) {
    const { nats, client, clients, requests } = options.connected
    this.#options = options
    this.#heartbeat = Math.min(heartbeat, options.seconds / 2)
    this.#most = Math.max(largestInline, nats.info?.max_payload ?? 0) + headerRoom
    this.#subject = `${client.apiPrefix}.CONSUMER.MSG.NEXT.${options.stream}.${options.consumer}`
    this.#denial = requests.onDenied((error) => {
      if (error.subject === this.#subject) this.fail(error)
    })
    this.#inbox = clients.transport.createInbox()
    this.#subscription = nats.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (error === null) this.#hear(message)
        else this.fail(error)
      },
    })
  }

  get asked(): number {
    return this.#asked
  }

  ask(count: number): void {
    if (this.#ending !== undefined || this.#ended) return
    const { connected, seconds } = this.#options
    const request = {
      batch: count,
      max_bytes: this.#most,
      expires: seconds * 1e9,
      idle_heartbeat: this.#heartbeat * 1e9,
    }
    connected.nats.publish(this.#subject, JSON.stringify(request), { reply: this.#inbox })
    this.#asked += count
    this.#monitor ??= setInterval(() => {
      this.#look()
    }, this.#heartbeat * 1000)
  }

  async end(): Promise<void> {
    if (this.#ended) return
    this.#ending ??= this.#drain()
    await this.#ending
  }

  /** It is of no use any more. */
  fail(error: unknown): void {
    if (this.#ended) return
    this.#close()
    const { listener, attempt } = this.#options
    if (this.#ending === undefined) listener.onEnd(natsError(`cannot ${attempt}`, error))
  }

  /** What has been sent by the time that the server hears of it is still to be heard here: it is given back. */
  async #drain(): Promise<void> {
    clearInterval(this.#monitor)
    let forget = (): void => undefined
    const tooLong = new Promise<void>((resolve) => {
      forget = after(goodbye, resolve)
    })
    await Promise.race([this.#subscription.drain().catch(() => undefined), tooLong])
    forget()
    this.#close()
  }

  #close(): void {
    if (this.#ended) return
    this.#ended = true
    this.#asked = 0
    clearInterval(this.#monitor)
    this.#denial[Symbol.dispose]()
    if (!this.#subscription.isClosed()) this.#subscription.unsubscribe()
    this.#options.onClose()
  }

  #hear(message: Msg): void {
    const { read, listener } = this.#options
    this.#missed = 0
    if (message.subject !== this.#inbox) {
      const delivery = read(message)
      if (delivery === undefined) return
      this.#asked = Math.max(0, this.#asked - 1)
      listener.onDelivery(delivery)
      return
    }
    const { code = 0, description = '' } = message.headers ?? {}
    if (code === says.thatItIsThere || this.#ending !== undefined) return
    const isTooMuch = code === says.thatItIsTooMuch && /exceeds maxbytes/i.test(description)
    if (!isTooMuch && !says.thatNothingCame.some((known) => known === code)) {
      this.fail(new Error(description || `status ${code}`))
      return
    }
    const lacked = message.headers?.get('Nats-Pending-Messages') ?? ''
    if (lacked === '') {
      this.fail(undefined) // An old server, of which it is not known how much it still owes.
      return
    }
    this.#asked = Math.max(0, this.#asked - Number(lacked))
    // With its subject it is larger than any that our server would take: another server took it.
    const unused = Number(message.headers?.get('Nats-Pending-Bytes'))
    if (isTooMuch && unused >= this.#most) this.#most *= 2
    listener.onLapse()
  }

  #look(): void {
    if (this.#asked === 0) this.#missed = 0
    else if (++this.#missed > 2) this.fail(new Error('the server forgot what it was asked for'))
  }
}
