import type { Consumer, ConsumerInfo, ConsumerMessages, JsMsg } from '@nats-io/jetstream'
import { setTimeout } from 'node:timers/promises'
import type { JetStream } from './connection.js'
import { buckets } from './buckets.js'
import type {
  Answerable,
  Bodies,
  Claim,
  Delivery,
  Engine,
  Entries,
  Outgoing,
  Pull,
  Source,
  SourceInfo,
} from './engine.js'
import { headerRoom, largestInline, workStream } from './layout.js'
import { NatsError, natsError } from './nats-error.js'
import { objectBodies } from './object-bodies.js'
import { consumerOf, subjectOf } from './subject.js'

/** How often a publication is repeated under its id while it is told as a repetition that is not kept. */
const unkept = 12

/** Between two of those, in milliseconds. */
const unkeptPause = 100

/** How often a server that waits for items says that it is there, in milliseconds. */
const heartbeat = 5000

/** JetStream as {@link Engine}. */
export class JetStreamEngine implements Engine {
  readonly claims: Entries<Claim>
  readonly leases: Entries<string>
  readonly bodies: Bodies
  readonly #jetStream: JetStream
  readonly #consumers = new Map<string, Consumer>()
  #encoder = new TextEncoder()

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
  async publish(message: Outgoing): Promise<{ readonly repeated: boolean }> {
    const { subject, body } = message
    return this.#jetStream.use(`publish to ${subject}`, async ({ client, clients, timeout }) => {
      const headers = clients.transport.headers()
      for (const [name, value] of Object.entries(message.headers)) headers.set(name, value)
      for (let attempt = 0; ; attempt++) {
        const suffix = Math.floor(attempt / unkept)
        const msgID = suffix === 0 ? message.messageId : `${message.messageId}#${suffix}`
        const { seq, duplicate } = await client.publish(subject, body, { msgID, headers, timeout })
        if (seq > 0) return { repeated: duplicate }
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

  async pull(source: Source, most: number, seconds: number): Promise<Pull> {
    const consumer = this.#consumers.get(keyOf(source)) ?? (await this.#open(source))
    const attempt = `receive from ${subjectOf('work', source.queue, source.host)}`
    return this.#jetStream.use(attempt, async () => {
      const messages = await consumer.fetch({
        max_messages: most,
        expires: seconds * 1000,
        idle_heartbeat: Math.min(heartbeat, (seconds * 1000) / 2),
      })
      const lost = this.#jetStream.onLink(() => {
        messages.stop()
      })
      return {
        end: () => {
          messages.stop()
        },
        [Symbol.asyncIterator]: () => this.#deliveries(messages, attempt, lost),
      }
    })
  }

  answerable(handle: string): Answerable {
    return {
      handle,
      message: messageOf(handle),
      confirm: async () =>
        this.#jetStream.use('confirm an item', async ({ nats, timeout }) => {
          await nats.request(handle, '+ACK', { timeout })
        }),
      working: () => {
        this.#tell(handle, '+WPI')
      },
    }
  }

  onLink(listener: (lost: Error | undefined) => void): Disposable {
    return this.#jetStream.onLink(listener)
  }

  async *#deliveries(
    messages: ConsumerMessages,
    attempt: string,
    lost: Disposable,
  ): AsyncGenerator<Delivery> {
    try {
      for await (const message of messages) yield this.#delivery(message)
    } catch (error) {
      throw natsError(`cannot ${attempt}`, error)
    } finally {
      lost[Symbol.dispose]()
      messages.stop()
    }
  }

  #delivery(message: JsMsg): Delivery {
    const { info } = message
    const headers = new Map<string, string>()
    for (const [name, [value = '']] of message.headers ?? []) headers.set(name.toLowerCase(), value)
    return {
      ...this.answerable(replyOf(message)),
      subject: message.subject,
      stream: info.stream,
      sequence: info.streamSequence,
      deliveries: info.deliveryCount,
      time: info.timestampNanos / 1e6,
      headers,
      body: message.data,
      giveBack: (seconds) => {
        const delay = Math.round(seconds * 1e9)
        this.#tell(replyOf(message), delay > 0 ? `-NAK ${JSON.stringify({ delay })}` : '-NAK')
      },
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

  async #open(source: Source): Promise<Consumer> {
    const info = await this.#info(source)
    return this.#jetStream.use('receive', async ({ client }) => {
      const consumer = client.consumers.getConsumerFromInfo(info)
      this.#consumers.set(keyOf(source), consumer)
      return consumer
    })
  }

  async #info(source: Source): Promise<ConsumerInfo> {
    const { queue, host } = source
    const subject = subjectOf('work', queue, host)
    try {
      return await this.#jetStream.use(`receive from ${subject}`, async ({ manager }) => {
        const stream = await streamOf(subject, async () => manager.streams.find(subject))
        return manager.consumers.info(stream, consumerOf(queue, host))
      })
    } catch (error) {
      this.#consumers.delete(keyOf(source))
      throw error
    }
  }
}

/** The stream of a subject; mostly the one that all share. */
async function streamOf(subject: string, find: () => Promise<string>): Promise<string> {
  const stream = await find()
  if (stream !== '') return stream
  throw new NatsError(
    'setup',
    `no stream has ${subject} (${workStream}); "fsq nats setup" makes it`,
  )
}

function keyOf({ queue, host }: Source): string {
  return subjectOf('work', queue, host)
}

/** The stream and the number of a message, by where it is answered; newer servers tell a domain, too. */
function messageOf(handle: string): string {
  const parts = handle.split('.')
  const [stream = '', , , sequence = ''] = parts.slice(parts.length === 9 ? 2 : 4)
  return `${stream}/${sequence}`
}

/** Where a message is answered: the packages know it, and do not tell. */
function replyOf(message: JsMsg): string {
  return (message as JsMsg & { readonly reply: string }).reply
}
