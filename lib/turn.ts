import { monotonic } from './monotonic.js'

/** For so long, in milliseconds, one loop may keep the thread to itself. */
const span = 5

let since = 0

/**
 * Something to wait for, now and then: system calls that return at once never let timers, signals and
 * sockets of this process have a turn, however many promises are awaited between them.
 */
export function turn(): Promise<void> | undefined {
  const now = monotonic()
  if (now - since < span) return undefined
  return new Promise((resolve) => {
    setImmediate(() => {
      since = monotonic()
      resolve()
    })
  })
}
