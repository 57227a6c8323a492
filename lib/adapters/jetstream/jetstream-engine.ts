import type { ConsumerInfo, StoredMsg } from '@nats-io/jetstream'
import { setTimeout } from 'node:timers/promises'
import type { Entries } from '../../key-values.js'
import type { Connected, JetStream } from './connection.js'
import { buckets } from './buckets.js'
import type {
  Answerable,
  Bodies,
  Claim,
  Engine,
  Outgoing,
  Published,
  Pull,
  PullListener,
  Source,
  SourceInfo,
} from './engine.js'
import { headerRoom, largestInline } from './layout.js'
import { isAway, NatsError } from './nats-error.js'
import { objectBodies } from './object-bodies.js'
import { type Answers, Handle, partsOf, readDelivery } from './received.js'
import { StandingPull } from './standing-pull.js'
import { consumerOf, subjectOf } from './subject.js'

/** How often a publication is repeated under its id while it is told as a repetition that is not kept. */
const unkept = 12

/** Between two of those, in milliseconds. */
const unkeptPause = 100

/** From where a source is delivered. */
interface ConsumerName {
  readonly stream: string
  readonly consumer: string
}

/** JetStream as {@link Engine}. */
export class JetStreamEngine implements Engine {
  readonly claims: Entries<Claim>
  readonly leases: Entries<string>
  readonly bodies: Bodies
  readonly #jetStream: JetStream
  /** Each with the connection that it is of. */
  readonly #consumers = new Map<string, ConsumerName & { readonly of: Connected }>()
  #encoder = new TextEncoder()
  readonly #answers: Answers = {
    confirm: async (handle, isNew) => this.#confirm(handle, isNew),
    tell: (handle, what) => {
      this.#tell(handle, what)
    },
  }

  constructor(jetStream: JetStream) {
    this.#jetStream = jetStream
    const { claims, leases } = buckets(jetStream)
    this.claims = claims
    this.leases = leases
    this.bodies = objectBodies(jetStream)
  }

  /**
   * A server of the 2.10 line answers a repetition with the sequence 0 while the first is not committed, and
   * may lose it with its leader: that is no confirmation. Where it does not end, another id is another
   * message; the receivers see that it is the same item.
   */
  async publish(message: Outgoing): Promise<Published> {
    const { subject, body } = message
    return this.#jetStream.use(`publish to ${subject}`, async ({ client, clients, timeout }) => {
      const headers = clients.transport.headers()
      for (const [name, value] of Object.entries(message.headers)) headers.set(name, value)
      for (let attempt = 0; ; attempt++) {
        const suffix = Math.floor(attempt / unkept)
        const msgID = suffix === 0 ? message.messageId : `${message.messageId}#${suffix}`
        const { seq, duplicate, stream } = await client.publish(subject, body, {
          msgID,
          headers,
          timeout,
        })
        if (seq > 0)
          return {
            repeated: duplicate,
            isThere: async () => (await this.#message(stream, seq)) !== undefined,
          }
        await setTimeout(unkeptPause)
      }
    })
  }

  async largestBody(): Promise<number> {
    const { nats } = await this.#jetStream.connected()
    return Math.max(0, Math.min(nats.info?.max_payload ?? 0, largestInline) - headerRoom)
  }

  async source(source: Source): Promise<SourceInfo> {
    const { config, num_pending, num_ack_pending } = await this.#info(source)
    const { ack_wait = 30e9, max_deliver = -1 } = config
    return {
      ackWait: ack_wait / 1e9,
      maxDeliver: max_deliver > 0 ? max_deliver : Infinity,
      waiting: num_pending,
      underWay: num_ack_pending,
    }
  }

  async pull(source: Source, seconds: number, listener: PullListener): Promise<Pull> {
    const known = await this.#consumerOf(source)
    const attempt = `receive from ${subjectOf('work', source.queue, source.host)}`
    return this.#jetStream.use(attempt, async (connected) => {
      const { stream, consumer } = known
      const pull = new StandingPull({
        connected,
        stream,
        consumer,
        seconds,
        listener,
        attempt,
        read: (message) => readDelivery(this.#answers, message),
        onClose: () => {
          link[Symbol.dispose]()
        },
      })
      const link = this.#jetStream.onLink(() => {
        pull.fail(undefined)
      })
      return pull
    })
  }

  answerable(handle: string): Answerable {
    return new Handle(this.#answers, handle)
  }

  async keeps(handle: string): Promise<boolean> {
    const { stream, sequence, nanoseconds } = partsOf(handle)
    // Whoever may write claims may write anything.
    if (!/^[^\s.*>/\\]{1,255}$/.test(stream) || !/^[1-9][0-9]{0,14}$/.test(sequence)) return false
    if (!/^[0-9]{1,19}$/.test(nanoseconds)) return false
    const message = await this.#message(stream, Number(sequence))
    // A stream that was made anew, or has lost its end, gives its numbers to other messages.
    return message?.time.getTime() === Number(BigInt(nanoseconds) / 1_000_000n)
  }

  onLink(listener: (lost: Error | undefined) => void): Disposable {
    return this.#jetStream.onLink(listener)
  }

  /** Undefined where it is gone, perhaps with its stream. */
  async #message(stream: string, seq: number): Promise<StoredMsg | undefined> {
    try {
      const message = await this.#jetStream.use('look for a message', async ({ manager }) =>
        manager.streams.getMessage(stream, { seq }),
      )
      return message ?? undefined
    } catch (error) {
      if (error instanceof NatsError && error.trouble === 'setup') return undefined
      throw error
    }
  }

  /**
   * Waits until a delivery is known to be confirmed. The servers go by the number of its message alone, so what was
   * not delivered just now is first looked at: its number may be that of another by now.
   */
  async #confirm(handle: string, isNew: boolean): Promise<void> {
    if (!isNew && !(await this.keeps(handle))) return
    try {
      await this.#jetStream.use('confirm an item', async ({ nats, timeout }) =>
        nats.request(handle, '+ACK', { timeout }),
      )
    } catch (error) {
      if (!isAway(error) || (await this.#hasConsumer(handle))) throw error
    }
  }

  /** Best effort: what is not heard is delivered again after a while. */
  #tell(handle: string, what: string): void {
    this.#jetStream
      .connected()
      .then(({ nats }) => {
        nats.publish(handle, this.#encoder.encode(what))
      })
      .catch(() => undefined)
  }

  async #consumerOf(source: Source): Promise<ConsumerName> {
    const of = await this.#jetStream.connected()
    const known = this.#consumers.get(keyOf(source))
    if (known?.of === of) return known
    const { stream_name: stream, name: consumer } = await this.#info(source)
    const found = { stream, consumer, of }
    this.#consumers.set(keyOf(source), found)
    return found
  }

  /** Whether there still is what an item was delivered by; without, nobody waits for its confirmation. */
  async #hasConsumer(handle: string): Promise<boolean> {
    const { stream, consumer } = partsOf(handle)
    try {
      await this.#jetStream.use('confirm an item', async ({ manager }) =>
        manager.consumers.info(stream, consumer),
      )
      return true
    } catch (error) {
      return !(error instanceof NatsError && error.trouble === 'setup')
    }
  }

  async #info(source: Source): Promise<ConsumerInfo> {
    const { queue, host } = source
    const subject = subjectOf('work', queue, host)
    try {
      return await this.#jetStream.use(`receive from ${subject}`, async ({ manager }) => {
        const stream = await manager.streams.find(subject)
        return manager.consumers.info(stream, consumerOf(queue, host))
      })
    } catch (error) {
      this.#consumers.delete(keyOf(source))
      if (!(error instanceof NatsError) || error.trouble !== 'setup') throw error
      const [what, flag] = host === undefined ? ['', ''] : [` for host ${host}`, `--host ${host} `]
      const message = `queue ${queue} is not set up${what}; "fsq nats setup ${flag}${queue}" does that`
      throw new NatsError('setup', message, { queue, cause: error })
    }
  }
}

function keyOf({ queue, host }: Source): string {
  return subjectOf('work', queue, host)
}
