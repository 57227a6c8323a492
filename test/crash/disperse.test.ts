import t, { type Test } from 'tap'
import { disperse } from '../../lib/adapters/filespooler/disperse.js'
import type { FilespoolerQueue } from '../../lib/adapters/filespooler/queue.js'
import type { JobOrder } from '../../lib/adapters/filespooler/order-jobs.js'
import { check, program, startProgram } from '../helpers/cli.js'
import { addJobs, queuesIn, type SourceAndQueues } from '../helpers/filespooler-queues.js'
import { noFspl } from '../helpers/fspl.js'
import { bound, sample } from './sample.js'
import { cannotTrace, readTrace, startTraced } from './strace.js'

/*
 * Moving jobs to other queues is killed before each call by which it changes something, and run again. Then
 * Filespooler's own program, or ours where it is not installed, does the jobs of all queues, and those that
 * arrived at the source meanwhile: each runs, in order, and none twice.
 */

/** The calls that change something, or make a change last. */
const changes = ['rename', 'renameat2', 'mkdir', 'openat', 'write', 'fsync']

const names = ['one', 'two', 'three'] as const
const count = 7

type Place = SourceAndQueues<typeof names>

async function prepare(t: Test): Promise<Place> {
  const place = await queuesIn(t, ...names)
  await addJobs(place.source, ...Array.from({ length: count }, (_, index) => index + 1))
  return place
}

async function run(
  order: JobOrder,
  { directory, source, queues }: Place,
  options?: string[],
): Promise<string | number> {
  const paths = [source, ...queues].map((queue) => queue.directory)
  const words = [program, 'filespooler', 'disperse', '--order-by', order, ...paths]
  const { ended } = startTraced(`${directory}/trace`, [process.execPath, ...words], options)
  return (await ended).status
}

/** Does the jobs of a queue; their numbers, as they were done. */
async function doJobs(t: Test, queue: FilespoolerQueue, order: JobOrder): Promise<number[]> {
  const words = ['queue-process', '-q', queue.directory, '--order-by', order, 'cat']
  const ended =
    noFspl === false
      ? await startProgram('fspl', words).ended
      : await startProgram(process.execPath, [program, 'fspl', ...words]).ended
  check(t, ended, { stdout: /^([0-9]+\n)*$/ })
  return ended.stdout.split('\n').filter(Boolean).map(Number)
}

/** Goes on after a kill, and looks at what is done then. */
async function judge(
  t: Test,
  { source, queues }: Place,
  order: JobOrder,
  title: string,
): Promise<void> {
  // What is there may be done before the next call.
  const done = await Promise.all(queues.map((queue) => doJobs(t, queue, 'timestamp')))
  await addJobs(source, count + 1, count + 2)
  await disperse(source, queues, { order })
  const then = await Promise.all(queues.map((queue) => doJobs(t, queue, 'timestamp')))
  const rest = await doJobs(t, source, order)
  const all = [...done, ...then, rest].flat().sort((one, other) => one - other)
  const expected = Array.from({ length: count + 2 }, (_, index) => index + 1)
  t.strictSame(all, expected, `${title}: each job is done, and none twice`)
  const perQueue = done.map((numbers, at) => [...numbers, ...(then[at] ?? [])])
  const sorted = perQueue.map((numbers) => [...numbers].sort((one, other) => one - other))
  t.strictSame(perQueue, sorted, `${title}: in order`)
  if (order === 'sequence')
    t.equal(await source.getNext(), BigInt(count + 3), `${title}: the source goes on behind`)
}

for (const order of ['sequence', 'timestamp'] as const)
  t.test(
    `jobs that are dispersed by ${order}, killed at any call`,
    { skip: cannotTrace() },
    async (t) => {
      const whole = await prepare(t)
      t.equal(await run(order, whole), 0)
      const [first, ...others] = readTrace(`${whole.directory}/trace`)
      const counts = new Map<string, number>()
      const kills: { call: string; when: number }[] = []
      for (const call of [first, ...others]) {
        if (call === undefined || call.thread !== first?.thread) continue
        if (!changes.includes(call.name)) continue
        const when = (counts.get(call.name) ?? 0) + 1
        counts.set(call.name, when)
        const isOwn = call.arguments.some((word) => word.includes(whole.directory))
        const isRead =
          call.name === 'openat' && call.arguments.some((word) => word.includes('O_RDONLY'))
        if (isOwn && !isRead) kills.push({ call: call.name, when })
      }
      const written = readTrace(`${whole.directory}/trace`).filter(
        ({ name, arguments: words }) =>
          name === 'rename' && words.some((word) => word.endsWith('/source/nextseq')),
      )
      t.equal(written.length, order === 'sequence' ? 1 : 0, 'nextseq is written once for all jobs')
      t.ok(kills.length > count, `there are ${kills.length} calls`)
      await judge(t, whole, order, 'not killed')
      let hit = 0
      for (const { call, when } of sample(kills, bound(3), order)) {
        const place = await prepare(t)
        const status = await run(order, place, ['-e', `inject=${call}:signal=KILL:when=${when}`])
        if (status === 'SIGKILL') hit++
        await judge(t, place, order, `killed at ${call} ${when}`)
      }
      t.ok(hit > 0, `${hit} were killed`)
    },
  )
