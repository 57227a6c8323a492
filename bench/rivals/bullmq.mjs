// BullMQ on a Redis of its own, on a socket, with an append-only file.
import { mkdirSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { checkPackage, findNode, install, programSession } from './node.mjs'
import { startServer, versionOf } from './server.mjs'

export const bullmq = {
  name: 'BullMQ',
  install: `apt-get install redis-server; ${install}`,
  promises: {
    durable: 'appendfsync always: what is acknowledged is in the synced append-only file',
    weaker: 'appendfsync everysec: the last second may be gone after a crash of the machine',
  },
  async start({ place, options }, level) {
    checkPackage('bullmq')
    const node = findNode(options)
    versionOf('redis-server')
    const directory = place.newPath('redis')
    mkdirSync(directory)
    const socket = `${directory}/socket`
    const fsync = level === 'durable' ? 'always' : 'everysec'
    const settings = {
      port: '0',
      unixsocket: socket,
      dir: directory,
      appendonly: 'yes',
      appendfsync: fsync,
      save: '',
      'maxmemory-policy': 'noeviction',
    }
    const stop = await startServer(
      'redis-server',
      Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]),
      { answers: () => spawnSync('redis-cli', ['-s', socket, 'ping']).status === 0 },
    )
    return { ...programSession(node, 'bullmq', { socket }), stop }
  },
}
