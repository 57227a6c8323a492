// Enqueues with the library until it is killed, in bursts: producer.mjs QUEUE
import { setTimeout } from 'node:timers/promises'
import { openRoot } from '../../../dist/index.js'
import { by, record, sha256 } from './record.mjs'

const queue = openRoot().queue(process.argv[2])
let count = 0

async function enqueue() {
  const number = ++count
  const text = `${by} ${number} ${'x'.repeat((number * 7919) % 20_000)}`
  const digest = sha256(text)
  // Every fourth takes its time, so that a kill meets it half written.
  const body = number % 4 === 0 ? slowly(text) : text
  record({ at: 'enqueue', sha256: digest })
  try {
    record({ at: 'enqueued', sha256: digest, id: await queue.enqueue(body, [String(number)]) })
  } catch (error) {
    record({ at: 'odd', by, message: `enqueue: ${error}` })
  }
}

async function* slowly(text) {
  const half = text.length / 2
  yield Buffer.from(text.slice(0, half))
  await setTimeout(10)
  yield Buffer.from(text.slice(half))
}

for (let burst = 1; ; burst = (burst % 12) + 1) {
  await Promise.all(Array.from({ length: burst }, enqueue))
  await setTimeout(Number(process.env.FLEET_GAP ?? 20))
}
