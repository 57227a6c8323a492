import type { FsqError } from '../errors.js'
import type { Outcome } from './finish.js'

/** What every event tells. */
export interface ItemEvent {
  /** The queue. */
  readonly queue: string
  /** The name of the item; with \\xNN for bytes that are not text. */
  readonly id: string
}

/** An entry was no work-item; it is in fail/ now. */
export interface MalformedEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'malformed'
  /** What is wrong with it. */
  readonly error: FsqError
}

/** An item had used up its tries, or was too old; it is in fail/ now. */
export interface SpentEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'exhausted' | 'expired'
  /** `FSQ_MAX_TRIES` or `FSQ_TTL_EXPIRED` */
  readonly error: FsqError
  /** Where it is. */
  readonly outcome: Outcome
}

/** An entry could not be opened, moved to fail/ or finished; it is still in queue/, or gone. */
export interface ItemErrorEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'error'
  /** Why. */
  readonly error: FsqError
}

/** Items wait, in order, for one that has not come. */
export interface WaitingEvent {
  /** Tells the events apart. */
  readonly type: 'waiting'
  /** The queue. */
  readonly queue: string
  /** Undefined: it is about an item that is not there. */
  readonly id?: undefined
  /** The number of the item that is waited for. */
  readonly sequence: bigint
  /** Since when: since it is its turn, and an item that comes after it is there. */
  readonly since: Date
}

/** Numbers were given up, since they did not come in time; items that have them are not worked on. */
export interface SkippedEvent {
  /** Tells the events apart. */
  readonly type: 'skipped'
  /** The queue. */
  readonly queue: string
  /** Undefined: it is about items that are not there. */
  readonly id?: undefined
  /** The first number that was given up. */
  readonly sequence: bigint
  /** The number that is next now. */
  readonly next: bigint
  /** Since when the first was waited for. */
  readonly since: Date
}

/** Something about the order of items, and about none that is there. */
export type OrderEvent = WaitingEvent | SkippedEvent

/** Something that a scan did instead of yielding an entry. */
export type ScanEvent = MalformedEvent | SpentEvent | ItemErrorEvent | OrderEvent
