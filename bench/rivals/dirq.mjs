// dirq, the simple directory queue of CERN, in Python 3.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { race } from '../race.mjs'

const program = fileURLToPath(new URL('programs/dirq_simple.py', import.meta.url))
const pythons = ['python3', '/usr/bin/python3'] // Debian's has its packages, whichever comes first.

export const dirq = {
  name: 'dirq (Python)',
  install: 'apt-get install python3-dirq',
  promises: { weaker: 'nothing is synced: safe against killed processes; a done item is removed' },
  lacks: { enqueueMany: 'it has no batches', workMany: 'it works on one item at a time' },
  async start({ place }) {
    const python = pythons.find((file) => spawnSync(file, ['-c', 'import dirq']).status === 0)
    if (python === undefined) throw new Error('there is no python3 with the package dirq')
    const directory = place.newPath('dirq')
    mkdirSync(directory)
    const run = (queue, count, work) =>
      race([[python, program, JSON.stringify({ directory, queue, count, work })]], {
        env: { PYTHONDONTWRITEBYTECODE: '1' },
      })
    return {
      enqueue: (queue, count) => run(queue, count, false),
      work: (queue, count) => run(queue, count, true),
    }
  },
}
