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

/** Something that a scan did instead of yielding an entry. */
export type ScanEvent = MalformedEvent | SpentEvent | ItemErrorEvent
