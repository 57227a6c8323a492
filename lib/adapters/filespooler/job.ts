/** A moment: when a job was made. */
export interface JobTime {
  /** Seconds since 1970 in UTC, negative before it. */
  readonly seconds: bigint
  /** Nanoseconds within that second. */
  readonly nanoseconds: number
}

interface AnyJob {
  /** Its place in the order of its sender, from 0 to 2^64-1; senders begin with 1. */
  readonly sequence: bigint
  /** When it was made, by the clock of its sender. */
  readonly created: JobTime
}

/**
 * A job that runs the command of whoever processes the queue. Of one that was read and has more than any
 * program can be given, which `whyUnsafe` tells, what is here may be only the first of it.
 */
export interface CommandJob extends AnyJob {
  /** Tells the kinds of jobs apart. */
  readonly type: 'command'
  /** Parameters for the command: any bytes but NUL, where they are to arrive. */
  readonly parameters: readonly Uint8Array[]
  /** Names and values for the environment of the command, where each name follows `FSPL_SET_`. */
  readonly environment: readonly (readonly [name: Uint8Array, value: Uint8Array])[]
}

/** A job that runs nothing, and succeeds. */
export interface NopJob extends AnyJob {
  /** Tells the kinds of jobs apart. */
  readonly type: 'nop'
}

/** A job that runs nothing, and fails: a barrier for who keeps failed jobs. */
export interface FailJob extends AnyJob {
  /** Tells the kinds of jobs apart. */
  readonly type: 'fail'
}

/** A job of Filespooler: what stands in the header of its file. The payload follows that. */
export type Job = CommandJob | NopJob | FailJob
