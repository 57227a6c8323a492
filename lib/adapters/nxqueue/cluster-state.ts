/*
 * What is known of a cluster beside its inventory: who is there, and what is taken. Together with the
 * inventory and the jobs it is all that a plan depends on.
 */

/** What of the inventory a job takes. */
export type Resource =
  | {
      /** A tape, or a place on disk. */
      readonly kind: 'volume'
      /** Its name. */
      readonly name: string
      /** Which of its places. */
      readonly place: number
    }
  | {
      /** A drive. */
      readonly kind: 'drive'
      /** Its name. */
      readonly name: string
      /** The job uses another; its volume was in this one, and has to be unloaded. */
      readonly unloaded?: true
    }
  | {
      /** A server. */
      readonly kind: 'server'
      /** Its name. */
      readonly name: string
      /** Which of its places. */
      readonly place: number
    }

/** That a job has a resource. */
export interface Claim {
  /** What. */
  readonly resource: Resource
  /** By which job. */
  readonly jobID: string
  /** The name of its work-item. */
  readonly item: string
  /** The server that it is launched to. */
  readonly server: string
  /** How much of a volume is reserved for it, in bytes. */
  readonly bytes: number
  /** Whose claim it is: the number of the reign of the master that made it. */
  readonly epoch: number
}

/** A server of the inventory, as it is now. */
export interface ServerState {
  /** Whether it renews its lease. */
  readonly present: boolean
  /** Whether it was taken out of service. */
  readonly disabled: boolean
  /** What it can execute. */
  readonly kinds: readonly string[]
}

/** A volume of the inventory, as it is now. */
export interface VolumeUse {
  /** In bytes, what is reserved not counted. */
  readonly used: number
  /** The drive that it is in. */
  readonly mounted: string | undefined
  /** The last job that was to load it there has failed, and none has succeeded yet. */
  readonly hasFailed?: boolean
}

/** See above. */
export interface ClusterState {
  /** All that there are. */
  readonly claims: readonly Claim[]
  /** By name; one that is not here is not present. */
  readonly servers: ReadonlyMap<string, ServerState>
  /** By name; one that is not here is as the inventory says. */
  readonly volumes: ReadonlyMap<string, VolumeUse>
  /** How jobs ended that others name: by their jobIDs. */
  readonly ended: ReadonlyMap<string, 'completed' | 'failed' | 'cancelled'>
  /** The jobIDs of those that are launched, or run. */
  readonly launched: ReadonlySet<string>
}
