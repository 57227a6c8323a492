import type { FsqError } from '../../errors.js'
import type { WorkEvent } from '../../work/events.js'

/** A server became master of its cluster; or another is, from the beginning or by now. */
export interface RoleEvent {
  /** Tells the events apart. */
  readonly type: 'master' | 'client'
  /** Of which reign, as a number that only grows; for the master. */
  readonly epoch?: number
}

/** The master made a pass: it planned, and launched what it could. */
export interface PassEvent {
  /** Tells the events apart. */
  readonly type: 'pass'
  /** How many jobs waited before it. */
  readonly ready: number
  /** How many were launched. */
  readonly launched: number
  /** How long it took, in milliseconds. */
  readonly milliseconds: number
}

/** A job was launched. */
export interface LaunchedEvent {
  /** Tells the events apart. */
  readonly type: 'launched'
  /** Its jobID. */
  readonly jobID: string
  /** The name of its item. */
  readonly id: string
  /** To which server. */
  readonly server: string
  /** With which volume. */
  readonly volume?: string
  /** With which drive. */
  readonly drive?: string
}

/** A job that was launched waits again: its server went away, or was not its own, before it began. */
export interface ReturnedEvent {
  /** Tells the events apart. */
  readonly type: 'returned'
  /** The name of its item. */
  readonly id: string
  /** Why. */
  readonly why: string
}

/** A job was running on a server that is not there any more: nobody touches it until somebody releases it. */
export interface HeldEvent {
  /** Tells the events apart. */
  readonly type: 'held'
  /** Its jobID. */
  readonly jobID: string
  /** The name of its item. */
  readonly id: string
  /** The server. */
  readonly server: string
}

/** A server came, or went. */
export interface PresenceEvent {
  /** Tells the events apart. */
  readonly type: 'present' | 'absent'
  /** Which. */
  readonly server: string
}

/** An inventory is in use: the first, or another. */
export interface InventoryEvent {
  /** Tells the events apart. */
  readonly type: 'inventory'
  /** The servers that it has, in order. */
  readonly servers: readonly string[]
}

/** Something is wrong, and is tried again: an inventory that was refused, a job that is none, a store that is away. */
export interface ServiceErrorEvent {
  /** Tells the events apart. */
  readonly type: 'trouble'
  /** What. */
  readonly error: FsqError
  /** The name of the item, where it is about one. */
  readonly id?: string
}

/** Something that happened to a server of a cluster: as master, or to a job that it executes. */
export type ServiceEvent =
  | RoleEvent
  | PassEvent
  | LaunchedEvent
  | ReturnedEvent
  | HeldEvent
  | PresenceEvent
  | InventoryEvent
  | ServiceErrorEvent
  | WorkEvent
