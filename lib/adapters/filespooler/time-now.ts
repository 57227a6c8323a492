import type { JobTime } from './job.js'

/** The time of day, to the microseconds or so that Node.js knows. */
export function timeNow(): JobTime {
  const milliseconds = performance.timeOrigin + performance.now()
  const seconds = Math.floor(milliseconds / 1000)
  const nanoseconds = Math.floor((milliseconds - seconds * 1000) * 1e6)
  return { seconds: BigInt(seconds), nanoseconds }
}
