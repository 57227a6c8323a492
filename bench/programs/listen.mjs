// { count, wake: 'trigger' | 'inotify' }: the least that a worker needs. It scans whenever it is woken,
// and tells for each item when its handler could start.
//
// The library has no worker yet; this one is made of what it exports, scan(), and of Node.js: a
// descriptor of the trigger, or fs.watch() of queue/, which is inotify(7) on Linux.
import { constants, openSync, watch } from 'node:fs'
import { Socket } from 'node:net'
import { measured, now, task } from './gate.mjs'
import { queue } from './library.mjs'

const { count, wake } = task
const { O_RDWR, O_NONBLOCK } = constants
const starts = {}
let seen = 0
let scanning = false
let again = false
let over
const ended = new Promise((resolve) => {
  over = resolve
})

async function scan() {
  again = true
  if (scanning) return
  scanning = true
  while (again) {
    again = false
    for await (const item of queue.scan()) {
      starts[item.id] = now()
      await item.done()
      seen++
    }
  }
  scanning = false
  if (seen >= count) over()
}

function listen() {
  if (wake === 'inotify') return watch(`${queue.path}/queue`, scan)
  // Read and write, so that it never ends when a writer leaves.
  const fd = openSync(`${queue.path}/trigger-s`, O_RDWR | O_NONBLOCK)
  const socket = new Socket({ fd, readable: true, writable: false })
  socket.on('data', scan)
  return { close: () => socket.destroy() }
}

const listener = listen()
await scan()
await measured(async () => {
  await ended
  listener.close()
  return { count: seen, starts }
})
