// { count, concurrency, read, limit, leave }: scans the queue and finishes up to so many items, so
// many at a time; with `read`, after reading each body; with `leave`, each is only closed.
import { inFlight, measured, now, practised, task } from './gate.mjs'
import { practice, queue } from './library.mjs'

const { count, concurrency = 1, read = false, leave = false, limit } = task

async function work(target, most) {
  const scan = target.scan(limit === undefined ? {} : { limit })
  let taken = 0
  let finished = 0
  let first = 0
  const loop = async () => {
    while (taken < most) {
      taken++
      const { value: item, done } = await scan.next()
      if (done) return
      first ||= now()
      if (read) await item.bytes()
      if (leave) item.close()
      else await item.done()
      finished++
    }
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
  await scan.return()
  return { count: finished, first }
}

if (!leave) {
  const target = await practice()
  await inFlight(practised, 16, () => target.enqueue('', ['bench']))
  await work(target, practised)
}
await measured(() => work(queue, count))
