/** The longest time that a timer of Node.js can wait, in milliseconds; one that is longer rings at once. */
export const longestTimer = 2 ** 31 - 1

/**
 * Calls back after so many seconds, however many, by a clock that nobody sets.
 *
 * @returns what calls it off
 */
export function after(seconds: number, ring: () => void): () => void {
  const due = performance.now() + seconds * 1000
  let timer: NodeJS.Timeout
  const wait = (): void => {
    const left = due - performance.now()
    timer = setTimeout(left > longestTimer ? wait : ring, Math.min(left, longestTimer))
  }
  wait()
  return () => {
    clearTimeout(timer)
  }
}
