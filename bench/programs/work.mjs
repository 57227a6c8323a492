// { count }: a worker of the library, which tells for each item when its handler started.
import { once } from 'node:events'
import { measured, now, task } from './gate.mjs'
import { queue } from './library.mjs'

const starts = {}
let over
const all = new Promise((resolve) => {
  over = resolve
})

const worker = queue.work(({ id }) => {
  starts[id] = now()
})
worker.on('done', () => {
  if (Object.keys(starts).length === task.count) over()
})
await once(worker, 'idle')
await measured(async () => {
  await all
  const { done } = await worker.stop()
  return { count: done, starts }
})
