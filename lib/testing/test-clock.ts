import { systemClock } from '../clock.js'

/**
 * A clock that a test moves on. It goes as that of the system does, and is as much ahead of it as it was
 * moved; never behind, since files have the time of their last change from the system.
 */
export class TestClock {
  #ahead = 0
  readonly #alarms = new Set<Alarm>()

  /** The time now, in milliseconds of the epoch. */
  now(): number {
    return Date.now() + this.#ahead
  }

  /**
   * Lets so many seconds pass at once. Workers that wait for the time of an item go on; what is measured
   * by timers (`timeout`, `grace`, `sweep`, `maxRate`) is not touched.
   *
   * @throws `RangeError` for a number below 0.
   */
  advance(seconds: number): void {
    if (!(seconds >= 0)) throw new RangeError(`Expected seconds to advance by, got ${seconds}`)
    this.#ahead += seconds * 1000
    for (const alarm of this.#alarms) this.#set(alarm)
  }

  /** @internal See Clock, which this is. */
  at(time: number, ring: () => void): () => void {
    const alarm: Alarm = { time, ring, cancel: () => undefined }
    this.#alarms.add(alarm)
    this.#set(alarm)
    return () => {
      this.#alarms.delete(alarm)
      alarm.cancel()
    }
  }

  #set(alarm: Alarm): void {
    alarm.cancel()
    alarm.cancel = systemClock.at(alarm.time - this.#ahead, () => {
      this.#alarms.delete(alarm)
      alarm.ring()
    })
  }
}

interface Alarm {
  readonly time: number
  readonly ring: () => void
  cancel: () => void
}
