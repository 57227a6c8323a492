import type { Test } from 'tap'

/*
 * Time that passes only when a test says so, for what goes by timers and by the monotonic clock.
 */

interface Timer {
  readonly ring: () => void
  readonly every: number | undefined
  due: number
}

/** See above; until the test ends. */
export class VirtualTime {
  readonly #timers = new Set<Timer>()
  #now = 1000

  constructor(t: Test) {
    const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis
    const now = performance.now.bind(performance)
    const start = (ring: () => void, after = 0, every?: number): Timer & { unref: () => void } => {
      const timer = { ring, every, due: this.#now + after, unref: () => undefined }
      this.#timers.add(timer)
      return timer
    }
    const clear = (timer: unknown): void => {
      this.#timers.delete(timer as Timer)
    }
    Object.assign(globalThis, {
      setTimeout: (ring: () => void, after?: number) => start(ring, after),
      setInterval: (ring: () => void, every = 1) => start(ring, every, every),
      clearTimeout: clear,
      clearInterval: clear,
    })
    performance.now = () => this.#now
    t.teardown(() => {
      Object.assign(globalThis, { setTimeout, setInterval, clearTimeout, clearInterval })
      performance.now = now
    })
  }

  /** Lets so many seconds pass; what rings has its turn, and what follows from it, before it goes on. */
  async pass(seconds: number): Promise<void> {
    const end = this.#now + seconds * 1000
    await settled()
    for (;;) {
      const [next] = [...this.#timers].sort((one, other) => one.due - other.due)
      if (next === undefined || next.due > end) break
      this.#now = Math.max(this.#now, next.due)
      if (next.every === undefined) this.#timers.delete(next)
      else next.due += next.every
      next.ring()
      await settled()
    }
    this.#now = end
  }

  /** Lets time pass in which nobody of this process runs, as by SIGSTOP: what is due rings once afterwards. */
  async freeze(seconds: number): Promise<void> {
    this.#now += seconds * 1000
    for (const timer of this.#timers)
      if (timer.every !== undefined && timer.due < this.#now) timer.due = this.#now
    await this.pass(0)
  }
}

/** When all that can happen without time has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
}
