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
  return nextTurn().then(() => {
    since = monotonic()
  })
}

/** Waits until all that is ready to run in this turn of the event loop has run. */
export async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
