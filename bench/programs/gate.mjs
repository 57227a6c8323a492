// Programs that are measured begin together: each says that it is ready, waits for a line, works, and
// tells when it began and ended by a clock that all processes share. The programs in C do the same.
import { once } from 'node:events'

/** What the program was told to do. */
export const task = JSON.parse(process.argv[2] ?? '{}')

/**
 * How many items are practised, for programs that do some of their work before it is measured: by 6,000 V8 has
 * compiled what it is going to; fewer if they are large, or hardly any are measured.
 */
export const practised = task.practised ?? Math.min((task.size > 4096 ? 3 : 24) * task.count, 6000)

/** Waits for the start, runs the work and tells what it took; the work's result is told as well. */
export async function measured(work) {
  process.stdout.write('ready\n')
  await once(process.stdin, 'data')
  process.stdin.destroy()
  const usage = process.cpuUsage()
  const begin = now()
  const result = await work()
  const end = now()
  const { user, system } = process.cpuUsage(usage)
  const { maxRSS: rss } = process.resourceUsage()
  process.stdout.write(`${JSON.stringify({ begin, end, cpu: user + system, rss, ...result })}\n`)
}

/** CLOCK_MONOTONIC in nanoseconds; a number is exact for a hundred days of uptime. */
export function now() {
  return Number(process.hrtime.bigint())
}

/** Runs a task so often, with so many of them in flight. */
export async function inFlight(count, concurrency, run) {
  let next = 0
  const loop = async () => {
    while (next < count) await run(next++)
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
}
