/*
 * A program that uses a queue as many do, traced to find what a loss of power may leave at any moment
 * of it: `node work.mjs DURABILITY DIRECTORY`. First one operation after the other, and batches; then, as it tells, several at
 * the same time: eight enqueues, then producers and workers, and what failed is requeued.
 */
import { openRoot } from '../../dist/index.js'
import { enqueue, enqueueMany, finish, openLedger, requeue } from './told.mjs'

const [, , durability, directory] = process.argv
const openQueue = (syncfs) =>
  openRoot({ root: `${directory}/root`, maxTries: 3, durability, syncfs }).queue('q')
const queue = openQueue('auto')
const tell = openLedger(`${directory}/ledger`)

const operations = ['done', 'fail', 'retry', 'done', 'done', 'failTmp', 'done', 'failPerm']

async function claimAll() {
  const items = []
  for await (const item of queue.scan()) items.push(item)
  return items
}

for (const body of ['one', 'two', 'three', 'four']) await enqueue(tell, queue, body)
for (const [at, item] of (await claimAll()).entries()) await finish(tell, item, operations[at])

await enqueueMany(tell, openQueue('always'), ['first', 'second', 'third'])
await enqueueMany(tell, openQueue('never'), ['fourth', 'fifth', 'sixth'])

tell({ event: 'several' })
const inFlight = Array.from({ length: 8 }, (_, at) => `in flight ${at}`)
await Promise.all(inFlight.map((body) => enqueue(tell, queue, body)))

const meanwhile = Array.from({ length: 4 }, (_, at) => `meanwhile ${at} `.repeat(at * 1000 + 1))
const claimed = await claimAll()
await Promise.all([
  ...meanwhile.map((body) => enqueue(tell, queue, body)),
  ...claimed.map((item, at) => finish(tell, item, operations[at % operations.length])),
])
await requeue(tell, queue)
