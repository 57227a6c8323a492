import type { Entries } from '../../key-values.js'

/*
 * What fsq asks of an engine that carries items between machines. JetStream is the one that there is
 * (jetstream-engine.ts); forwarding, receiving and the rest know no more of it than this.
 *
 * Every call may throw a NatsError: `away` is to be tried again.
 */

/** An item, or what could not be delivered, on its way to the engine. */
export interface Outgoing {
  readonly subject: string
  /** The same for what is the same: a repetition is kept once, if it does not come too late. */
  readonly messageId: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** What was published is kept, or was. */
export interface Published {
  /** It was published before. */
  readonly repeated: boolean
  /** Whether it is still there: neither confirmed nor removed. */
  isThere(): Promise<boolean>
}

/** Where items are received from: what of a queue is for a host, or for any. */
export interface Source {
  readonly queue: string
  /** Undefined: the pool. */
  readonly host: string | undefined
}

/** What the engine says of a source. */
export interface SourceInfo {
  /** After so long without a word an item is delivered again, in seconds. */
  readonly ackWait: number
  /** How often one is delivered; Infinity: for ever. */
  readonly maxDeliver: number
  /** How many wait to be delivered. */
  readonly waiting: number
  /** How many were delivered and not confirmed. */
  readonly underWay: number
}

/** A delivery that can be answered, also by who was told its name only. */
export interface Answerable {
  /** By which it can be answered after a restart ({@link Engine.answerable}). */
  readonly handle: string
  /** Which message it is of, whatever delivery of it: an item that was published twice is in two. */
  readonly message: string
  /** Confirms it for good, and waits until the engine has that. Harmless where its message is gone. */
  confirm(): Promise<void>
  /** It is being worked on: do not deliver it again for now. */
  working(): void
  /** Somebody is to get it again, after so many seconds. */
  giveBack(seconds: number): void
}

/** An item that the engine delivers. */
export interface Delivery extends Answerable {
  readonly subject: string
  readonly stream: string
  readonly sequence: number
  /** How often it was delivered, this time included. */
  readonly deliveries: number
  /** When the engine got it, in milliseconds of the epoch. */
  readonly time: number
  /** How many waited behind it. */
  readonly behind: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

/** Deliveries, as they come: no more than were asked for. */
export interface Pull {
  /** How many were asked for that may still come. */
  readonly asked: number
  /** Asks for so many more. */
  ask(count: number): void
  /** Takes no more; resolves when nothing can come any more. */
  end(): Promise<void>
}

/** Who is told what comes of a {@link Pull}. */
export interface PullListener {
  onDelivery(delivery: Delivery): void
  /** Some of what was asked for will not come: it has waited for long enough. */
  onLapse(): void
  /** It has ended by itself: with an error, or since the engine is lost, or back. */
  onEnd(error: unknown): void
}

/** What a body that is kept apart has. */
export interface StoredBody {
  readonly name: string
  readonly size: number
}

/** Bodies that are too large for a message. */
export interface Bodies {
  /** Keeps one under a name; whether there was none. Another under that name is replaced. */
  put(name: string, body: AsyncIterable<Uint8Array>): Promise<{ readonly isNew: boolean }>
  /** Undefined where there is none. */
  get(name: string): Promise<AsyncIterable<Uint8Array> | undefined>
  /** Harmless where there is none. */
  remove(name: string): Promise<void>
}

/** Who has an item of a pool. */
export interface Claim {
  /** The identity of the receiving queue. */
  readonly receiver: string
  /** Its host, for who looks. */
  readonly host: string
  /** The file that was staged for it: tells one attempt to receive the item from another. */
  readonly token: string
  /** Where the item is confirmed when it is finished: by what. */
  readonly handle?: string
  /** Where its body is kept apart until it is finished: its name there. */
  readonly body?: string
  /** It is finished. */
  readonly finished?: true
  /** It was given back by this receiver, which had claimed it with that revision: anybody may claim it. */
  readonly released?: number
}

/** See above. */
export interface Engine {
  /** Publishes, and waits until it is kept. */
  publish(message: Outgoing): Promise<Published>
  /** The largest body that fits into a message, in bytes. */
  largestBody(): Promise<number>
  source(source: Source): Promise<SourceInfo>
  /** Gets ready to ask for items; what is asked for is waited for for so long, in seconds. */
  pull(source: Source, seconds: number, listener: PullListener): Promise<Pull>
  answerable(handle: string): Answerable
  /** Whether the message of a handle is still there: neither confirmed nor removed. */
  keeps(handle: string): Promise<boolean>
  readonly claims: Entries<Claim>
  readonly leases: Entries<string>
  readonly bodies: Bodies
  /** Is told when the engine is lost, and with undefined when it is back. */
  onLink(listener: (lost: Error | undefined) => void): Disposable
}
