// Queues as a shell uses them: a process enqueues each item, and a program is run for each.
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { truth } from '../cases/exec.mjs'
import { fsq } from '../place.mjs'
import { versionOf } from './server.mjs'

const body = Buffer.alloc(1024, 'x')

/** How many a second, of something that is run so often in this process. */
function timed(count, run) {
  const begin = performance.now()
  run()
  return { rate: (count / (performance.now() - begin)) * 1000 }
}

function times(count, run) {
  for (let i = 0; i < count; i++) run()
}

/** Of a program with the command line of fsq. */
async function fsqSession(place, [file, ...first], variables = {}) {
  const queues = new Map()
  const queueOf = async (name) => {
    if (!queues.has(name)) queues.set(name, await place.newQueue())
    return queues.get(name).name
  }
  const env = { ...process.env, FSQ_ROOT: place.root.settings.root, ...variables }
  return {
    async enqueue(name, count) {
      const words = [...first, 'enqueue', await queueOf(name), 'bench']
      return timed(count, () => {
        times(count, () => execFileSync(file, words, { env, input: body, stdio: 'pipe' }))
      })
    },
    async work(name, count) {
      const words = [...first, 'scan', await queueOf(name), truth]
      return timed(count, () => execFileSync(file, words, { env }))
    },
  }
}

export const fsqProgram = {
  name: 'fsq',
  promises: {
    durable: 'an acknowledged enqueue and an acknowledged done survive the loss of power',
    weaker: 'FSQ_DURABILITY=none: safe against killed processes, not against the loss of power',
  },
  async start({ place, features }, level) {
    if (level === 'weaker' && !features.durability) throw new Error('this fsq has no durability')
    const variables = level === 'weaker' ? { FSQ_DURABILITY: 'none' } : {}
    return fsqSession(place, [process.execPath, fsq], variables)
  },
}

export const pythonFsqProgram = {
  name: 'Python fsq',
  install: 'FSQ_REFERENCE=the program of fsq 0.2',
  promises: { weaker: 'the body is synced, its entry in the directory and a done are not' },
  async start({ place, reference }) {
    if (reference === undefined) throw new Error('FSQ_REFERENCE names no program')
    return fsqSession(place, [reference])
  },
}

export const filespooler = {
  name: 'Filespooler',
  install: 'apt-get install filespooler',
  promises: {
    weaker:
      'the job is synced, its entry in the directory and its removal when done are not; jobs are run ' +
      'in strict order by one process',
  },
  async start({ place }) {
    versionOf('fspl')
    const directory = place.newPath('filespooler')
    mkdirSync(directory)
    const made = new Set()
    const queueOf = (name) => {
      const queue = `${directory}/${name}`
      if (!made.has(queue)) execFileSync('fspl', ['queue-init', '-q', queue])
      made.add(queue)
      return queue
    }
    const script = 'fspl prepare -s "$0.seq" -i - | fspl queue-write -q "$0"'
    return {
      enqueue: async (name, count) =>
        timed(count, () => {
          times(count, () => execFileSync('sh', ['-c', script, queueOf(name)], { input: body }))
        }),
      work: async (name, count) =>
        timed(count, () => execFileSync('fspl', ['queue-process', '-q', queueOf(name), truth])),
    }
  },
}

export const nq = {
  name: 'nq',
  install: 'apt-get install nq',
  promises: {
    weaker:
      'nothing but an empty directory entry is kept: a job is a waiting process, and is lost with it; ' +
      'its body is an argument',
  },
  lacks: { work: 'a job starts when it is enqueued' },
  async start({ place }) {
    versionOf('nq', ['-t']) // It has no --version; nothing to test is success.
    const env = { ...process.env, NQDIR: place.newPath('nq') }
    return {
      enqueue: async (_name, count) =>
        timed(count, () => {
          times(count, () => execFileSync('nq', ['-q', truth, body.toString()], { env }))
          execFileSync('nq', ['-w'], { env }) // Until all have run.
        }),
    }
  },
}
