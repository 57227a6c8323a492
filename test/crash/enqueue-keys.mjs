/*
 * Enqueues one item under each of so many keys, one by one or, every other program, as a batch, and
 * prints their names: `node enqueue-keys.mjs QUEUE COUNT NUMBER`. It waits for the end of stdin.
 */
import { once } from 'node:events'
import { basename, dirname } from 'node:path'
import { openRoot } from '../../dist/index.js'

const [, , path, count, number] = process.argv
const queue = openRoot({ root: dirname(path) }).queue(basename(path))
const keys = Array.from({ length: Number(count) }, (_, at) => `key ${at}`)
// Each begins elsewhere, so that none is ahead of all the others.
const first = (Number(number) * keys.length) / 8
const order = [...keys.slice(first), ...keys.slice(0, first)]
const names = new Map()

console.log('ready')
await once(process.stdin.resume(), 'end')
if (Number(number) % 2 === 0)
  for (const id of order) names.set(id, await queue.enqueue('', [], { id }))
else {
  const ids = await queue.enqueueMany(order.map((id) => ({ id })))
  for (const [at, id] of order.entries()) names.set(id, ids[at])
}
console.log(JSON.stringify(keys.map((id) => names.get(id))))
