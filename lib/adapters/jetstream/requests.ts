import type {
  Msg,
  NatsConnection,
  Payload,
  PermissionViolationError,
  RequestOptions,
} from '@nats-io/transport-node'
import type { Clients } from './clients.js'

/*
 * Requests over one subscription, with one timer for all of them. The client's own make a timer, several promises and
 * an error with its stack for each, which is half of what the client costs for an item.
 */

interface Waiting {
  readonly subject: string
  /** When it is too late, by performance.now(). */
  readonly due: number
  readonly resolve: (answer: Msg) => void
  readonly reject: (error: unknown) => void
}

/** How often it is looked which are too late, in milliseconds. */
const often = 100

/** How long a request may take about which nothing is said, in milliseconds. */
const usual = 1000

/** See above. */
export class Requests {
  readonly #nats: NatsConnection
  readonly #transport: Clients['transport']
  readonly #inbox: string
  readonly #waiting = new Map<string, Waiting>()
  readonly #onDenied = new Set<(error: PermissionViolationError) => void>()
  #subscribed = false
  #last = 0
  #timer: NodeJS.Timeout | undefined

  constructor(nats: NatsConnection, transport: Clients['transport']) {
    this.#nats = nats
    this.#transport = transport
    this.#inbox = `${transport.createInbox()}.`
    void nats.closed().then(() => {
      this.#refuse(() => new transport.ClosedConnectionError())
    })
    void this.#watch()
  }

  /** How many wait for their answers. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** As the client does. */
  async request(subject: string, payload?: Payload, options?: RequestOptions): Promise<Msg> {
    this.#subscribe()
    const { timeout = usual, headers } = options ?? {}
    const token = (++this.#last).toString(36)
    return new Promise((resolve, reject) => {
      this.#nats.publish(subject, payload, {
        reply: this.#inbox + token,
        ...(headers !== undefined && { headers }),
      })
      this.#waiting.set(token, { subject, due: performance.now() + timeout, resolve, reject })
      this.#timer ??= setInterval(() => {
        this.#look()
      }, often)
    })
  }

  /** Is told, until disposed, that something may not be published: who publishes it is not. */
  onDenied(listener: (error: PermissionViolationError) => void): Disposable {
    this.#onDenied.add(listener)
    return {
      [Symbol.dispose]: () => {
        this.#onDenied.delete(listener)
      },
    }
  }

  #subscribe(): void {
    if (this.#subscribed) return
    this.#nats.subscribe(`${this.#inbox}*`, {
      callback: (error, answer) => {
        if (error === null) this.#hear(answer)
        else {
          this.#subscribed = false // It may be allowed to us later.
          this.#refuse(() => error)
        }
      },
    })
    this.#subscribed = true
  }

  #hear(answer: Msg): void {
    const waiting = this.#take(answer.subject.slice(this.#inbox.length))
    if (waiting === undefined) return // It came too late.
    const isNobodyThere = answer.data.length === 0 && answer.headers?.code === 503
    if (isNobodyThere) waiting.reject(new this.#transport.NoRespondersError(waiting.subject))
    else waiting.resolve(answer)
  }

  #take(token: string): Waiting | undefined {
    const waiting = this.#waiting.get(token)
    this.#waiting.delete(token)
    return waiting
  }

  #look(): void {
    if (this.#waiting.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
    const now = performance.now()
    this.#refuse(({ due }) => (due <= now ? new this.#transport.TimeoutError() : undefined))
  }

  /** What is not allowed is only told to who watches the connection. */
  async #watch(): Promise<void> {
    for await (const status of this.#nats.status()) {
      if (status.type !== 'error') continue
      const { error } = status
      if (!(error instanceof this.#transport.PermissionViolationError)) continue
      if (error.operation !== 'publish') continue
      this.#refuse(({ subject }) => (subject === error.subject ? error : undefined))
      for (const tell of this.#onDenied) tell(error)
    }
  }

  /** Ends those for which there is an error. */
  #refuse(errorOf: (waiting: Waiting) => Error | undefined): void {
    for (const [token, waiting] of this.#waiting) {
      const error = errorOf(waiting)
      if (error !== undefined) this.#take(token)?.reject(error)
    }
  }
}
