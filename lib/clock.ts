import { longestTimer } from './timer.js'

/** The time of day, and what is to happen at some: the system's, or one that a test moves. */
export interface Clock {
  /** The time now, in milliseconds of the epoch. */
  now(): number
  /**
   * Calls `ring` once it is that time, or earlier where that is too far off for a timer; whoever waits
   * looks again. Keeps the process alive meanwhile.
   *
   * @returns what calls it off
   */
  at(time: number, ring: () => void): () => void
}

/** The clock of the system. */
export const systemClock: Clock = {
  now: () => Date.now(),
  at: (time, ring) => {
    const wait = Math.max(0, Math.ceil(time - Date.now()))
    const timer = setTimeout(ring, Math.min(wait, longestTimer))
    return () => {
      clearTimeout(timer)
    }
  },
}
