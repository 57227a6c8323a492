// From one queue to another over HTTP on loopback, both in one root.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { fsq, nodeProgram, remoteLibrary } from '../place.mjs'
import { race } from '../race.mjs'
import { rate, taskOf } from './measure.mjs'

const host = 'h'

export function pushCases({ place, amount, reference }) {
  const { root } = place.root.settings
  const env = { ...process.env, FSQ_ROOT: root }

  const variants = (count, concurrency) => ({
    fsq: async () => {
      const { queue, target } = await filled(count)
      return withServer([process.execPath, fsq], [], async (address) => {
        const work = {
          remote: remoteLibrary,
          address,
          host,
          target: target.name,
          count,
          concurrency,
        }
        return rate(await race([nodeProgram('push', taskOf(place, queue, work))]))
      })
    },
    ...(hasJsonRpc(reference) ? { 'Python fsq': () => pythonPushes(count, concurrency) } : {}),
  })

  /** A new host queue with so many items of 1 KiB, and a queue to push them to. */
  async function filled(count) {
    const queue = await place.newQueue()
    await queue.installHost(host)
    const directory = `${queue.path}/hosts/${host}/queue`
    await race([nodeProgram('fill', { directory, count, size: 1024 })])
    return { queue, directory, target: await place.newQueue() }
  }

  /** The whole process, of which one takes a tenth of a second to start; as many as connections. */
  async function pythonPushes(count, concurrency) {
    const { queue, directory, target } = await filled(count)
    return withServer([reference], ['-w', String(concurrency)], async (address) => {
      const names = readdirSync(directory)
      const each = Math.ceil(count / concurrency)
      const begin = performance.now()
      await Promise.all(
        Array.from({ length: concurrency }, async (_, i) => {
          const items = names.slice(i * each, (i + 1) * each)
          const words = ['push', address, queue.name, target.name, host, ...items]
          const [code] = await once(spawn(reference, words, { env, stdio: 'ignore' }), 'close')
          if (code !== 0) throw new Error(`${reference} push exited with ${code}`)
        }),
      )
      const seconds = (performance.now() - begin) / 1000
      const there = readdirSync(`${target.path}/queue`).length
      if (there !== count) throw new Error(`${there} of ${count} arrived`)
      return { rate: count / seconds }
    })
  }

  /** Runs something while a server serves the root. */
  async function withServer([file, ...words], flags, run) {
    const port = await freePort()
    const all = [...words, 'jsonrpcd', ...flags, '127.0.0.1', String(port)]
    const server = spawn(file, all, { env, stdio: 'ignore', detached: true })
    const ended = once(server, 'close')
    try {
      await listening(port)
      return await run(`http://127.0.0.1:${port}/`)
    } finally {
      process.kill(-server.pid, 'SIGKILL')
      await ended
    }
  }

  return {
    name: 'push over loopback',
    about:
      'Items of a host queue sent to a server that enqueues them, each acknowledged when it is synced, and ' +
      'done here when it is acknowledged, synced too. The Python fsq opens a connection for each item, ' +
      'leaves it where it was, and does not sync the directory there; with 16 connections it is 16 ' +
      'processes and as many workers.',
    cases: [
      { name: '1 KiB, one connection', variants: variants(amount(1000), 1) },
      { name: '1 KiB, 16 connections', variants: variants(amount(3000), 16) },
    ],
  }
}

/** Whether it can serve at all: that takes a library of which it does not say that it is missing. */
function hasJsonRpc(reference) {
  if (reference === undefined) return false
  return String(spawnSync(reference, ['jsonrpcd', '-h']).stdout).includes('usage')
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until somebody listens there. */
async function listening(port) {
  for (let tries = 0; tries < 500; tries++) {
    const socket = connect(port, '127.0.0.1')
    const isThere = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (isThere) return
    await setTimeout(20)
  }
  throw new Error(`nobody listens at port ${port}`)
}
