// { count, size, concurrency, batch }: enqueues so many items of that size, so many at a time; with
// `batch`, so many with each enqueueMany.
import { inFlight, measured, practised, task } from './gate.mjs'
import { practice, queue } from './library.mjs'

const { count, size, concurrency = 1, batch } = task
const body = Buffer.alloc(size, 'x')

async function enqueue(target, items) {
  if (batch === undefined) {
    await inFlight(items, concurrency, () => target.enqueue(body, ['bench']))
    return
  }
  for (let left = items; left > 0; left -= batch) {
    await target.enqueueMany(manyItems(Math.min(left, batch)))
  }
}

function* manyItems(number) {
  for (let i = 0; i < number; i++) yield { body, arguments: ['bench'] }
}

await enqueue(await practice(), practised)
await measured(async () => {
  await enqueue(queue, count)
  return { count }
})
