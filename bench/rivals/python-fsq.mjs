// The Python fsq, in one process: FSQ_REFERENCE_PYTHON names a Python that can import fsq. Its program
// is among those that are a process for each item: FSQ_REFERENCE.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { race } from '../race.mjs'

const program = fileURLToPath(new URL('programs/python_fsq.py', import.meta.url))

/** The Python that can import fsq. */
export function findPython() {
  const python = process.env.FSQ_REFERENCE_PYTHON
  if (!python) throw new Error('FSQ_REFERENCE_PYTHON names no Python that has fsq')
  const { status, stderr } = spawnSync(python, ['-c', 'import fsq'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${python} cannot import fsq: ${stderr}`)
  return python
}

/** Runs it on a queue of the place: it shares the directories with fsq. */
export function runPython(python, { root }, task) {
  return race([[python, program, JSON.stringify(task)]], {
    env: { FSQ_ROOT: root.settings.root, FSQ_MAX_TRIES: '1', PYTHONDONTWRITEBYTECODE: '1' },
  })
}

export const pythonFsq = {
  name: 'Python fsq',
  install: 'FSQ_REFERENCE_PYTHON=a Python 2 that can import fsq 0.2',
  promises: {
    weaker:
      'the body is synced, its entry in the directory and a done are not: they may be gone after a ' +
      'power cut',
  },
  lacks: { enqueueMany: 'it has no batches', workMany: 'it works on one item at a time' },
  async start({ place }) {
    const python = findPython()
    const queues = new Map()
    const run = async (name, count, work) => {
      if (!queues.has(name)) queues.set(name, await place.newQueue())
      return runPython(python, place, { queue: queues.get(name).name, count, work })
    }
    return {
      enqueue: (name, count) => run(name, count, false),
      work: (name, count) => run(name, count, true),
    }
  },
}
