// Enqueues so many items at once for each line of stdin, and prints their names in one line:
// enqueue.mjs QUEUE COUNT
import { createInterface } from 'node:readline'
import { openRoot } from '../../../dist/index.js'

const [name, count] = process.argv.slice(2)
const queue = openRoot().queue(name)

for await (const line of createInterface({ input: process.stdin })) {
  const ids = await Promise.all(Array.from({ length: Number(count) }, () => queue.enqueue(line)))
  console.log(ids.join(' '))
}
