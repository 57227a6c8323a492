// The queues of Filespooler, beside its own program.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { encodeHeader } from '../../dist/adapters/filespooler/index.js'
import { filespoolerLibrary, fsq, nodeProgram } from '../place.mjs'
import { race } from '../race.mjs'
import { truth } from './exec.mjs'
import { rate } from './measure.mjs'

const ours = [process.execPath, fsq, 'filespooler']
const theirs = ['fspl']

const payload = Buffer.alloc(1024, 'x')

export function filespoolerCases({ place, amount }) {
  /** A queue that holds so many jobs. */
  function newQueue(count = 0) {
    const queue = place.newPath('spool')
    mkdirSync(`${queue}/jobs`, { recursive: true })
    writeFileSync(`${queue}/nextseq`, '1\n')
    writeFileSync(`${queue}/nextseq.lock`, '')
    for (let at = 1; at <= count; at++) {
      const created = { seconds: BigInt(1_700_000_000 + at), nanoseconds: 0 }
      const common = { type: 'command', parameters: [], environment: [] }
      const header = encodeHeader({ ...common, created, sequence: BigInt(at) })
      writeFileSync(`${queue}/jobs/fspl-${at}.fspl`, Buffer.concat([header, payload]))
    }
    return queue
  }

  function timed(count, run) {
    const begin = performance.now()
    run()
    return { rate: (count / (performance.now() - begin)) * 1000 }
  }

  function write(count, program) {
    const queue = newQueue()
    const words = program.join(' ')
    const script = `${words} prepare -s "$0.seq" -i - | ${words} queue-write -q "$0"`
    return timed(count, () => {
      for (let at = 0; at < count; at++)
        execFileSync('sh', ['-c', script, queue], { input: payload })
    })
  }

  function runProcess(count, program, order) {
    const queue = newQueue(count)
    const words = ['queue-process', '-q', queue, '--order-by', order, truth]
    return timed(count, () => execFileSync(program[0], [...program.slice(1), ...words]))
  }

  function list(count, program) {
    const words = ['queue-ls', '-q', newQueue(count)]
    const options = { maxBuffer: 1e9 }
    return timed(count, () => execFileSync(program[0], [...program.slice(1), ...words], options))
  }

  async function library(task, queue) {
    const all = { filespooler: filespoolerLibrary, queue, sequence: `${queue}.seq`, truth, ...task }
    return rate(await race([nodeProgram('filespooler', all)]))
  }

  const hasTheirs = spawnSync('fspl', ['--version']).error === undefined
  const beside = (run) => (hasTheirs ? { fspl: run } : {})
  const [few, some, many] = [amount(50), amount(500), amount(10_000)]
  const orders = { number: 'sequence', time: 'timestamp' }
  const asPrograms = [
    {
      name: 'prepare and queue-write, two processes a job',
      variants: { fsq: () => write(few, ours), ...beside(() => write(few, theirs)) },
    },
    ...Object.entries(orders).map(([by, order]) => ({
      name: `queue-process of ${some} jobs by ${by}, /bin/true`,
      variants: {
        fsq: () => runProcess(some, ours, order),
        ...beside(() => runProcess(some, theirs, order)),
      },
    })),
    {
      name: `queue-ls of ${many} jobs`,
      variants: { fsq: () => list(many, ours), ...beside(() => list(many, theirs)) },
    },
  ]
  const asLibrary = [
    {
      name: 'in one process: a number and a job',
      variants: {
        fsq: () => library({ action: 'write', count: some }, newQueue()),
        ...beside(() => write(few, theirs)),
      },
    },
    ...Object.entries(orders).map(([by, order]) => ({
      name: `in one process: ${some} jobs by ${by}, /bin/true`,
      variants: {
        fsq: () => library({ action: 'process', order, count: some }, newQueue(some)),
        ...beside(() => runProcess(some, theirs, order)),
      },
    })),
    {
      name: `in one process: list of ${many} jobs`,
      variants: {
        fsq: () => library({ action: 'list', count: many }, newQueue(many)),
        ...beside(() => list(many, theirs)),
      },
    },
  ]
  return {
    name: 'filespooler',
    about:
      'Jobs of 1 KiB in queues of Filespooler, by fsq filespooler and by the library, beside fspl(1), which ' +
      'syncs files and not the directories that have their names. Programs with their start-up.',
    metrics: [{ key: 'rate', unit: 'jobs/s' }],
    cases: [...asPrograms, ...asLibrary],
  }
}
