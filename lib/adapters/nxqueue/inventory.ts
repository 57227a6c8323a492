/*
 * The inventory: what a cluster has to do its jobs with. An operator writes it (read-inventory.ts), and
 * everything else takes it as it is here: valid, complete, with every default filled in.
 */

/** A machine that executes jobs. */
export interface Server {
  /** Its name, which is that of its host queue. */
  readonly name: string
  /** How many jobs it executes at a time. */
  readonly slots: number
}

/** A tape drive. */
export interface Drive {
  /** Its name. */
  readonly name: string
  /** The changer that loads it. */
  readonly changer: string
  /** What a job may ask for, such as `LTO-6`. */
  readonly type: string
  /** The generations of volumes that it reads. */
  readonly reads: readonly number[]
  /** The generations of volumes that it writes. */
  readonly writes: readonly number[]
  /** The servers that see it. */
  readonly servers: readonly string[]
  /** Whether it may be used. */
  readonly enabled: boolean
}

/** What may be done with a volume: 0 unknown, nothing; 1 enabled; 2 read-only; 3 disabled. */
export type VolumeState = 0 | 1 | 2 | 3

/** A tape, or a place on disk. */
export interface Volume {
  /** Its name, such as what the label of a tape says. */
  readonly name: string
  /** What may be done with it. */
  readonly state: VolumeState
  /** The changer that it is in; undefined for one on disk, which needs no drive. */
  readonly changer: string | undefined
  /** Where in the changer. */
  readonly slot: number | undefined
  /** The group that it belongs to. */
  readonly group: string | undefined
  /** The generation of a tape: which drives take it. */
  readonly generation: number | undefined
  /** In bytes. */
  readonly capacity: number
  /** In bytes, when the inventory was written. */
  readonly used: number
  /** The drive in which it was when the inventory was written. */
  readonly mounted: string | undefined
  /** The servers that reach it; undefined: a tape, which is reached through a drive, or any. */
  readonly servers: readonly string[] | undefined
  /** How many jobs use it at a time: one, if it is a tape. */
  readonly jobs: number
}

/** Volumes that are used alike. */
export interface Group {
  /** Its name. */
  readonly name: string
  /** What it is for. */
  readonly description: string | undefined
}

/** See above. All names of one kind are different, and what one refers to is there. */
export interface Inventory {
  /** In the order in which they become master. */
  readonly servers: readonly Server[]
  /** The drives, in the order of the files, as all that follows. */
  readonly drives: readonly Drive[]
  /** The volumes. */
  readonly volumes: readonly Volume[]
  /** The groups that volumes belong to. */
  readonly groups: readonly Group[]
}
