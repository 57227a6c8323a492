// Other queues doing the same job: items of 1 KiB are enqueued, then worked on and completed.
//
// All rounds of enqueueing come before those of working: some rivals remove what is done, after which
// some file systems make files more slowly for minutes.
import { bullmq } from '../rivals/bullmq.mjs'
import { dirq } from '../rivals/dirq.mjs'
import { fsqLibrary } from '../rivals/fsq.mjs'
import { graphileWorker } from '../rivals/graphile-worker.mjs'
import { plainjob } from '../rivals/plainjob.mjs'
import { pythonFsq } from '../rivals/python-fsq.mjs'
import { filespooler, fsqProgram, nq, pythonFsqProgram } from '../rivals/shell.mjs'

const libraries = [fsqLibrary, pythonFsq, dirq, bullmq, graphileWorker, plainjob]
const programs = [fsqProgram, pythonFsqProgram, filespooler, nq]

/** Starts the rivals that are there, for the cases that are wanted. `stop` ends their servers. */
export async function rivalGroups(bench, wanted) {
  const { amount } = bench
  const counts = { one: amount(500), many: amount(5000) }
  const shell = { one: amount(100) }
  const stops = []
  const groups = []
  for (const level of ['durable', 'weaker']) {
    const group = async (name, systems, cases) => {
      const title = `${name}, ${level}`
      if (!cases.some((each) => wanted({ name: title }, each.name))) return
      groups.push(await makeGroup(bench, { name: title, level, systems, cases, stops }))
    }
    await group('rivals in one process', libraries, inProcess(counts))
    await group('rivals as programs', programs, asPrograms(shell))
  }
  return { groups, stop: () => Promise.all(stops.map((stop) => stop())) }
}

function inProcess({ one, many }) {
  return [
    { name: 'enqueue, one after another', does: 'enqueue', count: one },
    { name: 'enqueue, in batches', does: 'enqueue', count: many, many: true },
    { name: 'work, one at a time', does: 'work', count: one },
    { name: 'work, 64 at a time', does: 'work', count: many, many: true },
  ]
}

function asPrograms({ one }) {
  return [
    { name: 'enqueue, a process each', does: 'enqueue', count: one },
    { name: 'run a program for each', does: 'work', count: one },
  ]
}

async function makeGroup(bench, { name, level, systems, cases, stops }) {
  const sessions = new Map()
  const missing = []
  for (const system of systems) {
    if (system.promises[level] === undefined) continue
    try {
      const session = await system.start(bench, level)
      if (session.stop !== undefined) stops.push(session.stop)
      sessions.set(system, withFilled(session))
    } catch (error) {
      const how = system.install === undefined ? '' : ` (${system.install})`
      missing.push(`${system.name}: ${error.message}${how}`)
    }
  }
  return {
    name,
    systems: [...sessions.keys()].map((system) => ({
      name: system.name,
      promise: system.promises[level],
    })),
    missing,
    cases: cases.map(({ name, does, count, many = false }) => {
      const able = [...sessions].filter(
        ([{ lacks = {} }]) => !lacks[lackOf(does, many)] && !lacks[does],
      )
      return {
        name,
        phase: does === 'enqueue' ? 1 : 2,
        variants: Object.fromEntries(
          able.map(([system, session]) => [
            system.name,
            (round) => session[does](`q${round}${many ? 'many' : 'one'}`, count, many),
          ]),
        ),
      }
    }),
  }
}

function lackOf(does, many) {
  return many ? `${does}Many` : does
}

/** Work on a queue that was not filled by a case, since that was not asked for, fills it first. */
function withFilled({ enqueue, work }) {
  const filled = new Set()
  return {
    async enqueue(name, count, many) {
      filled.add(name)
      return enqueue(name, count, many)
    },
    async work(name, count, many) {
      if (!filled.has(name)) await this.enqueue(name, count, many)
      return work(name, count, many)
    },
  }
}
