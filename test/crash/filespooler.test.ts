import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { FilespoolerQueue } from '../../lib/adapters/filespooler/queue.js'
import { check, type Ended, program, startProgram } from '../helpers/cli.js'
import { addJobs, numbersIn, queuesIn } from '../helpers/filespooler-queues.js'
import { noFspl } from '../helpers/fspl.js'
import { entriesOf } from '../helpers/temporary.js'
import { bound, sample } from './sample.js'
import { cannotTrace, readTrace, startTraced } from './strace.js'

/*
 * queue-process is killed before each call by which it changes something, Filespooler's own and ours, and
 * the other goes on with the queue: jobs are done in order, and only that one may be done twice during which
 * the first was killed.
 */

const changes = [
  'rename',
  'renameat',
  'renameat2',
  'unlink',
  'unlinkat',
  'openat',
  'write',
  'fsync',
]

const count = 3

/** How each is started, with the words behind the name. */
const programs = {
  fspl: ['fspl'],
  ours: [process.execPath, program, 'fspl'],
} as const

type Name = keyof typeof programs

interface Place {
  readonly directory: string
  readonly source: FilespoolerQueue
  readonly words: readonly string[]
}

async function prepare(t: Test): Promise<Place> {
  const { directory, source } = await queuesIn(t)
  await addJobs(source, 1, 2, 3)
  const words = ['queue-process', '-q', source.directory]
  return { directory, source, words: [...words, 'sh', '--', '-c', `cat >>${directory}/done`] }
}

const run = async (name: Name, { words }: Place): Promise<Ended> => {
  const [file = '', ...first] = programs[name]
  return startProgram(file, [...first, ...words]).ended
}

async function runTraced(name: Name, place: Place, options?: string[]): Promise<string | number> {
  const command = [...programs[name], ...place.words]
  return (await startTraced(`${place.directory}/trace`, command, options).ended).status
}

async function judge(t: Test, next: Name, place: Place, title: string): Promise<void> {
  check(t, await run(next, place), {}, `${title}: the other goes on`)
  const { directory, source } = place
  const done = readFileSync(`${directory}/done`, 'utf8').split('\n').filter(Boolean).map(Number)
  const once = done.filter((number, at) => number !== done[at - 1])
  t.strictSame(once, [1, 2, 3], `${title}: all are done, in order`)
  t.ok(done.length <= count + 1, `${title}: no more than one is done twice`)
  t.equal(await source.getNext(), 4n, `${title}: and none is left`)
  const left = await numbersIn(source)
  t.ok(left.length <= 1, `${title}: but perhaps the file of that one, which is past`)
  const allowed = ['jobs', 'nextseq', 'nextseq.lock', 'nextseq.temp']
  t.ok(
    entriesOf(source.directory).every((entry) => allowed.includes(entry)),
    title,
  )
}

for (const [name, next] of [
  ['fspl', 'ours'],
  ['ours', 'fspl'],
] as const) {
  const skip = noFspl === false ? cannotTrace() : noFspl
  t.test(`${next} goes on where ${name} was killed`, { skip }, async (t) => {
    const whole = await prepare(t)
    t.equal(await runTraced(name, whole), 0)
    const calls = readTrace(`${whole.directory}/trace`)
    const counts = new Map<string, number>()
    const kills: { call: string; when: number }[] = []
    for (const { name: call, thread, arguments: words } of calls) {
      if (thread !== calls[0]?.thread || !changes.includes(call)) continue
      const when = (counts.get(call) ?? 0) + 1
      counts.set(call, when)
      const isOwn = words.some((word) => word.includes(`${whole.directory}/source`))
      if (isOwn && !words.some((word) => word.includes('O_RDONLY'))) kills.push({ call, when })
    }
    t.ok(kills.length >= 4 * count, `there are ${kills.length} calls`)
    let hit = 0
    for (const { call, when } of sample(kills, bound(4), name)) {
      const place = await prepare(t)
      const options = ['-e', `inject=${call}:signal=KILL:when=${when}`]
      if ((await runTraced(name, place, options)) === 'SIGKILL') hit++
      await judge(t, next, place, `killed at ${call} ${when}`)
    }
    t.ok(hit > 0, `${hit} were killed`)
  })
}
