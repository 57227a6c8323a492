import type { FsqError } from '../../errors.js'
import type { ItemEvent, ScanEvent } from '../../queue/scan-events.js'
import type { ImportEvent } from './import.js'
import type { Job } from './job.js'
import type { NodeError } from './node-error.js'
import type { Node } from './node.js'

/** What every event of a job tells. Its queue is `ftpc-store`, or that of a node, `ftpc-store/n1:21`. */
export interface ProcessedEvent extends ItemEvent {
  /** The job. */
  readonly job: Job
}

/** A job is done on a node. */
export interface JobDoneEvent extends ProcessedEvent {
  /** Tells the events apart. */
  readonly type: 'done'
  /** The node. */
  readonly node: Node
  /** How long it took. */
  readonly seconds: number
}

/** A job waits for nodes now: those that were chosen, or another where one was full. */
export interface JobDispatchedEvent extends ProcessedEvent {
  /** Tells the events apart. */
  readonly type: 'dispatched'
  /** The nodes. */
  readonly nodes: readonly Node[]
}

/** There is nothing to do for a job any more, or there never will be; then it is in fail/. */
export interface JobEndedEvent extends ProcessedEvent {
  /** Tells the events apart. */
  readonly type: 'dropped' | 'failed'
  /** Why. */
  readonly why: string
}

/** A job stays in its queue with one more try spent. */
export interface JobRetriedEvent extends ProcessedEvent {
  /** Tells the events apart. */
  readonly type: 'retried'
  /** Why. */
  readonly error: Error
}

/** A node is left alone for now, and its jobs wait; or it gets no further files. */
export interface NodeTroubleEvent {
  /** Tells the events apart. */
  readonly type: 'away' | 'full'
  /** The node. */
  readonly node: Node
  /** Why. */
  readonly error: NodeError
}

/** A node was taken out of service, and its jobs wait. */
export interface NodeDownEvent {
  /** Tells the events apart. */
  readonly type: 'down'
  /** The node. */
  readonly node: Node
  /** Its host queue. */
  readonly queue: string
}

/** Nothing was imported, since somebody else is at the queue files; it is tried with the next pass. */
export interface ImportLockedEvent {
  /** Tells the events apart. */
  readonly type: 'locked'
  /** `FSQ_CLUSTER_LOCKED` */
  readonly error: FsqError
}

/** Something that happened while the jobs of a cluster were processed. */
export type ProcessEvent =
  | JobDoneEvent
  | JobDispatchedEvent
  | JobEndedEvent
  | JobRetriedEvent
  | NodeTroubleEvent
  | NodeDownEvent
  | ImportLockedEvent
  | ScanEvent
  | ImportEvent
