// What memory a worker takes while it works on many items: node worker-memory.mjs [ITEMS]
// Prints a line each so many items, then the growth from the first tenth to the last. The producer is
// a process of its own; what is done is removed, so that any number fits. The root is in /dev/shm.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout } from 'node:timers/promises'
import { openRoot } from '../../dist/index.js'

const batch = 500
const [items = '1000000', root] = process.argv.slice(2)
const count = Number(items)

if (root === undefined) await work()
else await produce()

async function produce() {
  const queue = openRoot({ root, durability: 'none' }).queue('q')
  for (let sent = 0; sent < count; sent += batch) {
    while (readdirSync(`${queue.path}/queue`).length > 40 * batch) await setTimeout(50)
    await queue.enqueueMany(
      Array.from({ length: Math.min(batch, count - sent) }, (_, i) => ({
        body: 'a body',
        arguments: [`number ${sent + i}`],
      })),
    )
  }
}

async function work() {
  const directory = mkdtempSync('/dev/shm/fsq-memory-')
  const opened = openRoot({ root: directory, durability: 'none' })
  const queue = await opened.install('q')
  const producer = fork(fileURLToPath(import.meta.url), [items, directory])
  const figures = []
  let handled = 0
  let enough
  const all = new Promise((resolve) => (enough = resolve))
  const began = performance.now()
  const worker = queue.work(
    async (item) => {
      await item.bytes()
      if (++handled % Math.ceil(count / 50) === 0) figures.push(measure())
      if (handled === count) enough()
    },
    { concurrency: 64 },
  )
  const pruning = prune()
  await all
  await worker.stop()
  await pruning
  const seconds = (performance.now() - began) / 1000
  if (producer.exitCode === null) await once(producer, 'exit')
  rmSync(directory, { recursive: true })
  const mean = (list, what) => list.reduce((sum, each) => sum + each[what], 0) / list.length
  for (const what of ['rss', 'heap']) {
    const first = mean(figures.slice(1, 6), what)
    const last = mean(figures.slice(-5), what)
    console.log(
      `${what}: ${first.toFixed(1)} MiB in the first tenth, ${last.toFixed(1)} in the last`,
    )
  }
  console.log(`${count} items in ${seconds.toFixed(0)} s`)

  function measure() {
    const { rss, heapUsed } = process.memoryUsage()
    const figure = { handled, rss: rss / 2 ** 20, heap: heapUsed / 2 ** 20 }
    const open = readdirSync('/proc/self/fd').length
    console.log(
      `${handled} items: ${figure.rss.toFixed(1)} MiB, heap ${figure.heap.toFixed(1)} MiB, ${open} open files`,
    )
    return figure
  }

  async function prune() {
    while (handled < count) {
      for (const name of readdirSync(`${queue.path}/done`)) rmSync(`${queue.path}/done/${name}`)
      await setTimeout(200)
    }
  }
}
