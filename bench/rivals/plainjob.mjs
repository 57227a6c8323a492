// plainjob on an SQLite database, by the node:sqlite of Node.js.
import { mkdirSync } from 'node:fs'
import { checkPackage, findNode, install, programSession } from './node.mjs'

export const plainjob = {
  name: 'plainjob',
  install,
  promises: {
    durable: 'synchronous=FULL: what is acknowledged is in the synced write-ahead log',
    weaker: 'synchronous=NORMAL, its own setting: the last commits may be gone after a power cut',
  },
  lacks: { workMany: 'a worker of plainjob does one job at a time' },
  async start({ place, options }, level) {
    checkPackage('plainjob')
    const directory = place.newPath('plainjob')
    mkdirSync(directory)
    const synchronous = level === 'durable' ? 'FULL' : 'NORMAL'
    return programSession(findNode(options), 'plainjob', { directory, synchronous })
  },
}
