import type { FsqError } from '../../errors.js'

/** Something that happened to an item on its way to the servers, or from them. */
export interface NatsItemEvent {
  /**
   * Tells the events apart: `forwarded` to the servers, and done here; `received` into the queue;
   * `repeated`: delivered although the queue, or another of the pool, has it; `returned` to the servers, for
   * another delivery; `taken` over from a receiver that is lost.
   */
  readonly type: 'forwarded' | 'received' | 'repeated' | 'returned' | 'taken'
  /** The queue. */
  readonly queue: string
  /** The name of the item. */
  readonly id: string
}

/** A message that was moved to the dead letters. */
export interface DeadEvent {
  /** Tells the events apart. */
  readonly type: 'dead'
  /** The queue. */
  readonly queue: string
  /** The name of the item, where the message has one. */
  readonly id?: string
  /** Why. */
  readonly error: FsqError
}

/** An entry of the queue that will never be forwarded: it is in fail/. */
export interface RefusedEvent {
  /** Tells the events apart. */
  readonly type: 'refused'
  /** The queue. */
  readonly queue: string
  /** Its name. */
  readonly id: string
  /** Why: it is no work-item, or the servers never take it. */
  readonly error: FsqError
}

/** The servers went away, or are back. */
export type NatsAwayEvent =
  | {
      /** Tells the events apart: they are tried again until they are back. */
      readonly type: 'away'
      /** Why: `FSQ_NATS`. */
      readonly error: FsqError
    }
  | {
      /** Tells the events apart. */
      readonly type: 'back'
    }

/** The state of the queue changed. */
export interface NatsQueueEvent {
  /**
   * Tells the events apart: it went `down`, or `up` again; it is `full`, or has `room` again; `fenced`: what
   * was received was taken out of it again, since the servers could not be reached for so long that others
   * may have it, or, as `unfenced`, it goes on.
   */
  readonly type: 'down' | 'up' | 'full' | 'room' | 'fenced' | 'unfenced'
  /** The queue. */
  readonly queue: string
}

/** Something failed, and is tried again. */
export interface NatsErrorEvent {
  /** Tells the events apart. */
  readonly type: 'error'
  /** The queue. */
  readonly queue: string
  /** The name of the item, where it is about one. */
  readonly id?: string
  /** Why. */
  readonly error: FsqError
}

/** There is nothing to do for now. */
export interface NatsIdleEvent {
  /** Tells the events apart. */
  readonly type: 'idle'
}

/** What happens while items are forwarded or received. */
export type NatsEvent =
  | NatsItemEvent
  | DeadEvent
  | RefusedEvent
  | NatsAwayEvent
  | NatsQueueEvent
  | NatsErrorEvent
  | NatsIdleEvent
