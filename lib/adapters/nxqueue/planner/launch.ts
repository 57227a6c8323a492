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
  /** Another drive, which its volume is in: nobody else may have that while the volume is unloaded from it. */
  readonly from: string | undefined
  /** How much of the volume is reserved for it. */
  readonly bytes: number
}
