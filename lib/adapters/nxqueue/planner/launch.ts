import type { ReadyJob } from '../job.js'

/** A job that can run now, and all that it takes: each is a claim. */
export interface Launch {
  /** The job, as it was given. */
  readonly job: ReadyJob
  /** The server that executes it. */
  readonly server: string
  /** Which of its places. */
  readonly serverPlace: number
  /** Undefined: it needs none. */
  readonly volume: string | undefined
  /** Which of its places. */
  readonly volumePlace: number | undefined
  /** Undefined: it needs none. */
  readonly drive: string | undefined
  /** How much of the volume is reserved for it. */
  readonly bytes: number
}
