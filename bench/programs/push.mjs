// { remote, address, host, target, count, concurrency }: pushes the items of a host queue to a queue of a
// server, so many at a time, each over a connection of its own.
import { pathToFileURL } from 'node:url'
import { measured, task } from './gate.mjs'
import { practice, queue } from './library.mjs'

const { openRemote, pushItems } = await import(pathToFileURL(task.remote).href)
const { address, target, concurrency } = task
const remote = openRemote(address, { connections: concurrency })

async function push(source) {
  // As fsq push does.
  const { pushed } = await pushItems(source, remote, target, { concurrency: 2 * concurrency })
  return pushed
}

const some = await practice()
await some.enqueueMany(Array.from({ length: 200 }, () => ({ body: 'x'.repeat(1024) })))
await push(some)
await measured(async () => {
  const count = await push(queue.host(task.host))
  if (count !== task.count) throw new Error(`${count} of ${task.count} were pushed`)
  return { count }
})
remote.close()
