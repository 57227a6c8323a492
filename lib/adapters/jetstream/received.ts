import type { Msg } from '@nats-io/transport-node'
import type { Answerable, Delivery } from './engine.js'

/*
 * What JetStream delivers. Where a message is answered also says what it is:
 *
 *   $JS.ACK.STREAM.CONSUMER.DELIVERIES.SEQUENCE.DELIVERED.NANOSECONDS.BEHIND
 *   $JS.ACK.DOMAIN.ACCOUNT.STREAM.CONSUMER.…    of newer servers
 */

/** How deliveries are answered, by their handles. */
export interface Answers {
  /** @param isNew - it was delivered just now, and not answered yet */
  readonly confirm: (handle: string, isNew: boolean) => Promise<void>
  readonly tell: (handle: string, what: string) => void
}

/** What was delivered so short a time ago is of the stream that there is now, in milliseconds. */
const newFor = 1000

/** A delivery that can be answered. */
export class Handle implements Answerable {
  readonly handle: string
  readonly #answers: Answers
  /** Until when it is new, by performance.now(). */
  #newUntil: number

  constructor(answers: Answers, handle: string, newUntil = 0) {
    this.#answers = answers
    this.handle = handle
    this.#newUntil = newUntil
  }

  get message(): string {
    const { stream, sequence } = partsOf(this.handle)
    return messageName(stream, sequence)
  }

  async confirm(): Promise<void> {
    const isNew = performance.now() < this.#newUntil
    this.#newUntil = 0
    return this.#answers.confirm(this.handle, isNew)
  }

  working(): void {
    this.#answers.tell(this.handle, '+WPI')
  }

  giveBack(seconds: number): void {
    const delay = Math.round(seconds * 1e9)
    this.#answers.tell(this.handle, delay > 0 ? `-NAK ${JSON.stringify({ delay })}` : '-NAK')
  }
}

/** Tells a message from all others ({@link Answerable.message}). */
export function messageName(stream: string, sequence: number | string): string {
  return `${stream}/${sequence}`
}

/** One that was delivered just now. */
class Received extends Handle implements Delivery {
  readonly subject: string
  readonly stream: string
  readonly sequence: number
  readonly deliveries: number
  readonly time: number
  readonly behind: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array

  constructor(answers: Answers, handle: string, message: Msg) {
    super(answers, handle, performance.now() + newFor)
    const { stream, sequence, deliveries, nanoseconds, behind } = partsOf(handle)
    this.subject = message.subject
    this.stream = stream
    this.sequence = Number(sequence)
    this.deliveries = Number(deliveries)
    this.time = Number(nanoseconds) / 1e6
    this.behind = Number(behind)
    this.headers = headersOf(message)
    this.body = message.data
  }
}

/** What a message delivers; undefined for one that no server has delivered. */
export function readDelivery(answers: Answers, message: Msg): Delivery | undefined {
  const { reply = '' } = message
  return reply.startsWith('$JS.ACK.') ? new Received(answers, reply, message) : undefined
}

type Parts = Readonly<
  Record<'stream' | 'consumer' | 'deliveries' | 'sequence' | 'nanoseconds' | 'behind', string>
>

/** What a handle says. */
export function partsOf(handle: string): Parts {
  const parts = handle.split('.')
  const first = parts.length === 9 ? 2 : 4
  const part = (at: number): string => parts[first + at] ?? ''
  return {
    stream: part(0),
    consumer: part(1),
    deliveries: part(2),
    sequence: part(3),
    nanoseconds: part(5),
    behind: part(6),
  }
}

/** By their names in lower case; none where they are such as no client would write. */
function headersOf(message: Msg): Map<string, string> {
  const headers = new Map<string, string>()
  try {
    for (const [name, [value = '']] of message.headers ?? []) headers.set(name.toLowerCase(), value)
    return headers
  } catch {
    return new Map()
  }
}
