/*
 * One of the processes between which items travel over NATS: `node nats-role.mjs TASK`, the task in JSON:
 *
 *   role      forward, receive or work
 *   root      the root of its queues
 *   servers   the addresses of NATS
 *   queues    by name, the options of each
 *   log       work: a line is added to that file for each item that is executed
 *   follow    false: end when there is nothing more to do; otherwise at SIGTERM
 *
 * What goes wrong is a line on stderr.
 */
import { openSync, writeSync } from 'node:fs'
import { forwardItems, openJetStream, receiveItems } from '../../dist/adapters/jetstream/index.js'
import { openRoot } from '../../dist/index.js'

const { role, root: path, servers, queues, log, follow = true } = JSON.parse(process.argv[2])
const root = openRoot({ root: path })
const ending = new AbortController()
process.once('SIGTERM', () => ending.abort())

function onEvent(event) {
  if (!['away', 'back', 'dead', 'error'].includes(event.type)) return
  const { type, id, error } = event
  process.stderr.write(`${new Date().toISOString()} ${type} ${id ?? ''} ${error ?? ''}\n`)
}

const common = { follow, onEvent, signal: ending.signal }

async function travel(move) {
  const jetstream = openJetStream({ servers })
  const all = Object.entries(queues).map(([name, options]) =>
    move(root.queue(name), jetstream, { ...common, ...options }),
  )
  const results = await Promise.all(all)
  await jetstream.close()
  process.stdout.write(`${JSON.stringify(results)}\n`)
}

/** Each line by one write(2) with O_APPEND, so that it is there even if we die at once. */
async function work() {
  const fd = openSync(log, 'a')
  const execute = ({ queue, id }) => {
    writeSync(fd, `${JSON.stringify({ queue, id, root: path })}\n`)
  }
  const all = Object.entries(queues).map(([name, options]) =>
    root.queue(name).work(execute, { onEvent, signal: ending.signal, ...options }),
  )
  await Promise.all(all.map(({ ended }) => ended))
}

await { forward: () => travel(forwardItems), receive: () => travel(receiveItems), work }[role]()
