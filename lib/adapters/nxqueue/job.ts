/** What a job does. */
export type JobKind = 'archive' | 'restore' | 'format' | 'other'

/** The kinds of jobs. */
export const jobKinds: readonly JobKind[] = ['archive', 'restore', 'format', 'other']

/** What a job says of itself: what it does, and what it needs. */
export interface JobSpec {
  /** Tells it from all other jobs; others name it to wait for it. */
  readonly jobID: string
  /** What it does. */
  readonly kind: JobKind
  /** The higher, the sooner: 0 to 9. */
  readonly priority: number
  /** Any volume of this group will do. */
  readonly group: string | undefined
  /** It has to be this volume. */
  readonly volume: string | undefined
  /** The type of drive that it has to be, such as `LTO-6`; `disk`: a volume that needs no drive. */
  readonly media: string | undefined
  /** How much it writes, in bytes. */
  readonly bytes: number
  /** The server that has to execute it. */
  readonly server: string | undefined
  /** The jobs that have to be completed before. */
  readonly after: readonly string[]
}

/** A job that waits to be launched. */
export interface ReadyJob extends JobSpec {
  /** The name of its work-item. */
  readonly item: string
  /** When it was submitted, in milliseconds of the epoch. */
  readonly submitted: number
  /** It is not launched before, in milliseconds of the epoch. */
  readonly notBefore?: number | undefined
}
