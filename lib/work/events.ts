import type { FsqError } from '../errors.js'
import type { Outcome } from '../queue/finish.js'
import type { ItemEvent, ScanEvent } from '../queue/scan-events.js'

/** An item was claimed; work on it begins now. */
export interface ClaimedEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'claimed'
  /** How often it failed before. */
  readonly tries: number
  /** How long ago it was enqueued, in seconds. */
  readonly waited: number
}

/** The work on an item is over, and it was finished. */
export interface FinishedEvent extends ItemEvent {
  /** Tells the events apart: into done/, into fail/, or left in queue/ with one more try spent. */
  readonly type: 'done' | 'failed' | 'retried'
  /** Where the item is. */
  readonly outcome: Outcome
  /** How long the work took. */
  readonly seconds: number
  /** The exit status of the program, where one ended by itself. */
  readonly code?: number
  /**
   * Why it was no success, if more is known than an exit status: `FSQ_EXEC`, `FSQ_TIMEOUT`,
   * `FSQ_PROGRAM_KILLED`, `FSQ_HANDLER`, `FSQ_INVALID`.
   */
  readonly error?: FsqError
}

/** The work on an item is over, and it stays in queue/ as it was: no try is spent. */
export interface LeftEvent extends ItemEvent {
  /** Tells the events apart. */
  readonly type: 'left'
  /** How long the work took. */
  readonly seconds: number
  /** Why: `FSQ_STOPPED`; or what the program did, where items are left in any case. */
  readonly error?: FsqError
}

/** A queue went down, or came up again. */
export interface UpOrDownEvent {
  /** Tells the events apart. */
  readonly type: 'down' | 'up'
  /** The queue. */
  readonly queue: string
}

/** There is no more work for now. */
export interface IdleEvent {
  /** Tells the events apart. */
  readonly type: 'idle'
}

/** A queue could not be listed, or not be watched; it is tried again with the next sweep. */
export interface QueueErrorEvent {
  /** Tells the events apart. */
  readonly type: 'error'
  /** The queue. */
  readonly queue: string
  /** Undefined: it is about the whole queue. */
  readonly id?: undefined
  /** Why. */
  readonly error: FsqError
}

/** Something that happened to an item that was, or was to be, worked on. */
export type JobEvent = ScanEvent | ClaimedEvent | FinishedEvent | LeftEvent

/** Something that happened while a worker worked. */
export type WorkEvent = JobEvent | UpOrDownEvent | IdleEvent | QueueErrorEvent
