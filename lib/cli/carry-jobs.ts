import { setTimeout } from 'node:timers/promises'
import {
  forwardItems,
  type JetStream,
  type NatsEvent,
  receiveItems,
  setupQueues,
} from '../adapters/jetstream/index.js'
import type { Queue } from '../root/queue.js'

/*
 * The jobs of a cluster whose servers share no file system, carried over NATS. Each machine has the queue, with a host
 * queue for every server:
 *
 *   what is launched to another server     forwarded from hosts/SERVER to that server
 *   what is launched to us                 received into hosts/OURS
 *   what waits, while we are not master    forwarded from queue/ to the pool
 *   what waits, while we are master        received from the pool into queue/
 *
 * When the role changes, one way ends before the other begins, since what is received would be forwarded again.
 */

/** What is carried, and between whom. */
export interface CarryOptions {
  readonly queue: Queue
  readonly jetStream: JetStream
  /** Who we are. */
  readonly server: string
  /** All servers of the inventory. */
  readonly servers: readonly string[]
  /** Is told of everything, with the name of the queue. */
  readonly onEvent: (queue: string, event: NatsEvent) => void
  /** Is told of what ended, and is begun again after a while. */
  readonly onError: (error: unknown) => void
}

/** After how long what has ended with an error is begun again, in milliseconds. */
const beginAgain = 5000

/** How long the end waits for what goes to the others, in milliseconds. */
const leaveWithin = 10_000

/** So many jobs may wait where the master is: the others cannot be planned. */
const depth = 100_000

/** Something that goes on until it is ended. */
type Way = (signal: AbortSignal) => Promise<unknown>

/** See above. It begins with {@link start}; who waits goes nowhere before the first {@link setMaster}. */
export class JobCarrier implements AsyncDisposable {
  readonly #options: CarryOptions
  readonly #servers = new Set<string>()
  readonly #ways: Going[] = []
  #ready: Going | undefined
  #isMaster: boolean | undefined
  #turning: Promise<void> = Promise.resolve()
  #adding: Promise<void> = Promise.resolve()

  constructor(options: CarryOptions) {
    this.#options = options
  }

  /**
   * Makes on the servers of NATS what is needed, and the host queues, and begins.
   *
   * @throws `FsqError` `FSQ_NATS_SETUP`, `FSQ_DENIED`, `FSQ_NATS`; `FSQ_INSTALL`
   */
  async start(): Promise<void> {
    await this.addServers(this.#options.servers)
  }

  /** Further servers of the inventory; those that are known already are left. */
  async addServers(servers: readonly string[]): Promise<void> {
    const adding = this.#adding.then(async () => this.#addServers(servers))
    this.#adding = adding.catch(() => undefined)
    await adding
  }

  async #addServers(servers: readonly string[]): Promise<void> {
    const { queue, jetStream, server: own } = this.#options
    const added = servers.filter((server) => !this.#servers.has(server))
    if (added.length === 0) return
    await setupQueues(jetStream, [queue.name], { hosts: added })
    for (const server of added) {
      const host = queue.host(server)
      await queue.installHost(server, { ifExists: 'ignore' })
      this.#servers.add(server)
      this.#ways.push(
        this.#begin((signal) =>
          server === own
            ? receiveItems(host, jetStream, { ...this.#heard(host, signal), host: own, depth })
            : forwardItems(host, jetStream, this.#heard(host, signal)),
        ),
      )
    }
  }

  /** We are master, or another is. */
  setMaster(isMaster: boolean): void {
    if (isMaster === this.#isMaster) return
    this.#isMaster = isMaster
    const { queue, jetStream, server } = this.#options
    this.#turning = this.#turning.then(async () => {
      await this.#ready?.end()
      this.#ready = this.#begin((signal) =>
        isMaster
          ? receiveItems(queue, jetStream, { ...this.#heard(queue, signal), as: server, depth })
          : forwardItems(queue, jetStream, { ...this.#heard(queue, signal), to: 'any' }),
      )
    })
  }

  /**
   * Ends, when our own service has: what is under way is waited for, and what waits here goes to the others, as far as
   * that is done in some seconds. The rest waits until we are back.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turning
    await this.#adding
    const all = this.#ready === undefined ? this.#ways : [...this.#ways, this.#ready]
    await Promise.all(all.map(async (going) => going.end()))
    const { queue, jetStream, server, onError } = this.#options
    const signal = AbortSignal.timeout(leaveWithin)
    const others = [...this.#servers].filter((other) => other !== server)
    const left = [queue, ...others.map((other) => queue.host(other))]
    const leaving = left.map(async (from) =>
      forwardItems(from, jetStream, { ...this.#heard(from, signal), follow: false }),
    )
    for (const { reason } of (await Promise.allSettled(leaving)).filter(isRejected)) onError(reason)
  }

  #heard(
    { name }: Queue,
    signal: AbortSignal,
  ): { readonly signal: AbortSignal; readonly onEvent: (event: NatsEvent) => void } {
    return {
      signal,
      onEvent: (event) => {
        this.#options.onEvent(name, event)
      },
    }
  }

  #begin(way: Way): Going {
    return new Going(way, this.#options.onError)
  }
}

function isRejected(result: PromiseSettledResult<unknown>): result is PromiseRejectedResult {
  return result.status === 'rejected'
}

/** A way that is gone again and again until it is ended. */
class Going {
  readonly #ending = new AbortController()
  readonly #ended: Promise<void>

  constructor(way: Way, onError: (error: unknown) => void) {
    this.#ended = this.#go(way, onError)
  }

  async end(): Promise<void> {
    this.#ending.abort()
    await this.#ended
  }

  async #go(way: Way, onError: (error: unknown) => void): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted) {
      try {
        await way(signal)
      } catch (error) {
        onError(error)
      }
      await setTimeout(beginAgain, undefined, { signal }).catch(() => undefined)
    }
  }
}
