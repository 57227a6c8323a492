import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename } from 'node:path'
import { gzipSync } from 'node:zlib'
import { removeSync } from 'fs-extra/esm'
import t from 'tap'
import {
  disperse,
  type DisperseEvent,
  type DisperseOptions,
} from '../../../lib/adapters/filespooler/disperse.js'
import { encodeHeader, frame } from '../../../lib/adapters/filespooler/header.js'
import { encodeMetadata } from '../../../lib/adapters/filespooler/metadata.js'
import {
  type FilespoolerQueue,
  initFilespooler,
  openFilespooler,
} from '../../../lib/adapters/filespooler/queue.js'
import { cannotBeNobody, check, nobody, place } from '../../helpers/cli.js'
import { addJobs, jobOf, nextIn, numbersIn, queuesIn } from '../../helpers/filespooler-queues.js'
import { fspl, noFspl } from '../../helpers/fspl.js'
import { entriesOf } from '../../helpers/temporary.js'

const numbersOf = async (queues: readonly FilespoolerQueue[]): Promise<number[][]> =>
  Promise.all(queues.map(numbersIn))

const to = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1)

t.test('each job goes to the queue with the fewest jobs, in order', async (t) => {
  const { source, queues } = await queuesIn(t, 'one', 'two', 'three')
  await addJobs(source, ...to(7))
  await addJobs(queues[1], 101, 102)
  const moves: string[] = []
  const onEvent = (event: DisperseEvent): void => {
    if (event.type === 'moved') moves.push(`${event.job.job.sequence} ${basename(event.to)}`)
  }
  t.strictSame(await disperse(source, queues, { onEvent }), { moved: 7, left: 0 })
  const expected = ['1 one', '2 three', '3 one', '4 three', '5 one', '6 two', '7 three']
  t.strictSame(moves, expected)
  t.strictSame(await numbersOf([source, ...queues]), [[], [1, 3, 5], [6, 101, 102], [2, 4, 7]])
  t.equal(nextIn(source), '8')
  t.equal(nextIn(queues[0]), '1', 'a destination counts for itself')
  t.strictSame(entriesOf(source.paths.dispersing), [])
})

interface Case {
  readonly jobs: readonly (number | bigint)[]
  readonly next?: bigint
  /** Jobs that the one destination has before. */
  readonly there?: number
  readonly options?: DisperseOptions
  readonly result: object
  /** What stays. */
  readonly stay: readonly number[]
  readonly nextThen: string
}

const cases: Readonly<Record<string, Case>> = {
  nothing: { jobs: [], result: { moved: 0, left: 0 }, stay: [], nextThen: '1' },
  'a gap': {
    jobs: [1, 2, 4, 5],
    result: { moved: 2, left: 0, waitingFor: 3n },
    stay: [4, 5],
    nextThen: '3',
  },
  'a gap at once': {
    jobs: [2],
    result: { moved: 0, left: 0, waitingFor: 1n },
    stay: [2],
    nextThen: '1',
  },
  'jobs that were done': {
    jobs: [1, 2, 3],
    next: 3n,
    result: { moved: 1, left: 0 },
    stay: [1, 2],
    nextThen: '4',
  },
  'the end of the numbers': {
    jobs: [2n ** 64n - 2n, 2n ** 64n - 1n, 0, 1],
    next: 2n ** 64n - 2n,
    result: { moved: 4, left: 0 },
    stay: [],
    nextThen: '2',
  },
  'so many jobs': {
    jobs: to(5),
    options: { maxJobs: 2 },
    result: { moved: 2, left: 3 },
    stay: [3, 4, 5],
    nextThen: '3',
  },
  'no job at all': {
    jobs: to(2),
    options: { maxJobs: 0 },
    result: { moved: 0, left: 2 },
    stay: [1, 2],
    nextThen: '1',
  },
  'so much room': {
    jobs: to(5),
    there: 1,
    options: { maxDepth: 3 },
    result: { moved: 2, left: 3 },
    stay: [3, 4, 5],
    nextThen: '3',
  },
  'no room': {
    jobs: to(2),
    there: 3,
    options: { maxDepth: 2 },
    result: { moved: 0, left: 2 },
    stay: [1, 2],
    nextThen: '1',
  },
  'the times': {
    jobs: [5, 3, 9],
    options: { order: 'timestamp', maxJobs: 2 },
    result: { moved: 2, left: 1 },
    stay: [9],
    nextThen: '1',
  },
  'a number that is there twice, behind others': {
    jobs: [1, 2, 3, 3],
    result: { moved: 2, left: 0 },
    stay: [3, 3],
    nextThen: '3',
  },
}

for (const [name, { jobs, next, there, options, result, stay, nextThen }] of Object.entries(cases))
  t.test(`a source with ${name}`, async (t) => {
    const { source, queues } = await queuesIn(t, 'one')
    await addJobs(source, ...jobs)
    if (next !== undefined) await source.setNext(next)
    if (there !== undefined) await addJobs(queues[0], ...to(there))
    t.strictSame(await disperse(source, queues, options), result)
    t.strictSame(await numbersIn(source), stay)
    t.equal((await numbersIn(queues[0])).length, jobs.length - stay.length + (there ?? 0))
    t.equal(nextIn(source), nextThen)
  })

t.test('by the times, the oldest come first, and nextseq is not read', async (t) => {
  const { source, queues } = await queuesIn(t, 'one', 'two')
  await source.add(jobOf(7n, 30n))
  await source.add(jobOf(8n, 10n))
  await source.add(jobOf(8n, 20n))
  writeFileSync(source.paths.nextseq, 'no number')
  const moves: (number | bigint)[] = []
  const onEvent = (event: DisperseEvent): void => {
    if (event.type === 'moved') moves.push(event.job.job.created.seconds % 100n)
  }
  t.strictSame(await disperse(source, queues, { order: 'timestamp', onEvent }), {
    moved: 3,
    left: 0,
  })
  t.strictSame(moves, [10n, 20n, 30n])
  t.strictSame(await numbersOf([source, ...queues]), [[], [7, 8], [8]])
  t.notOk(existsSync(source.paths.dispersing), 'nothing is on its way in between')
})

t.test('a number that is there twice is an error when it is the next', async (t) => {
  const { source, queues } = await queuesIn(t, 'one')
  await addJobs(source, 1, 1, 2)
  await t.rejects(disperse(source, queues), { code: 'FSQ_AMBIGUOUS' })
  t.strictSame(await numbersIn(source), [1, 1, 2])
})

t.test('what is no job, not safe, or a link stays, and is told', async (t) => {
  const { source, queues } = await queuesIn(t, 'one')
  await addJobs(source, 1, 4)
  await source.write([Buffer.from('no job')], 'fspl-none.fspl')
  const created = { seconds: 2n, nanoseconds: 2_000_000_000 }
  await source.write([frame(encodeMetadata({ ...jobOf(2n), created }))], 'fspl-unsafe.fspl')
  await source.write([encodeHeader(jobOf(3n))], 'tmp-target')
  symlinkSync('tmp-target', `${source.paths.jobs}/fspl-link.fspl`)
  mkdirSync(`${source.paths.jobs}/fspl-directory.fspl`)
  const told: string[] = []
  const onEvent = (event: DisperseEvent): void => {
    if (event.type === 'rejected') told.push(`${event.file.name} ${event.file.kind}`)
  }
  const result = await disperse(source, queues, { onEvent })
  t.strictSame(
    result,
    { moved: 1, left: 0, waitingFor: 2n },
    'in sequence, the unsafe one is a gap',
  )
  t.strictSame(told.sort(), [
    'fspl-directory.fspl undecodable',
    'fspl-link.fspl unsafe',
    'fspl-none.fspl undecodable',
    'fspl-unsafe.fspl unsafe',
  ])
  t.strictSame(await disperse(source, queues, { order: 'timestamp' }), { moved: 1, left: 0 })
  t.strictSame(await numbersIn(queues[0]), [1, 4])
  t.equal(entriesOf(source.paths.jobs).length, 5, 'and the rest is where it was')
})

t.test('no name that is taken is replaced', async (t) => {
  for (const order of ['sequence', 'timestamp'] as const) {
    const { source, queues } = await queuesIn(t, 'one')
    await source.write([encodeHeader(jobOf(1n))], 'fspl-x.fspl')
    await queues[0].write([encodeHeader(jobOf(99n))], 'fspl-x.fspl')
    let name = ''
    await disperse(source, queues, {
      order,
      onEvent: (event) => {
        if (event.type === 'moved') ({ name } = event)
      },
    })
    t.strictSame(await numbersIn(queues[0]), [1, 99])
    t.strictSame(entriesOf(queues[0].paths.jobs), ['fspl-x.fspl', name].sort())
  }
})

t.test('jobs that want a decoder are moved as they are', async (t) => {
  const { source, queues } = await queuesIn(t, 'one')
  const content = gzipSync(encodeHeader(jobOf(1n)))
  await source.write([content])
  t.strictSame(await disperse(source, queues), { moved: 0, left: 0 })
  t.strictSame(await disperse(source, queues, { decoder: 'zcat' }), { moved: 1, left: 0 })
  const { jobs } = await queues[0].list({ decoder: 'zcat' })
  t.equal(jobs.length, 1)
})

t.test('a destination that jobs cannot be moved to is refused before any is', async (t) => {
  const { source, queues } = await queuesIn(t, 'one')
  await addJobs(source, 1, 2)
  const bad: Readonly<Record<string, FilespoolerQueue>> = {
    'that is not there': openFilespooler(`${source.directory}-none`),
    'that is the source': openFilespooler(`${source.directory}/../source`),
    'that is there already': openFilespooler(`${queues[0].directory}/.`),
  }
  for (const [name, destination] of Object.entries(bad))
    await t.rejects(disperse(source, [...queues, destination]), { code: 'FSQ_FILESPOOLER' }, name)
  await t.rejects(disperse(source, []), TypeError)
  t.strictSame(await numbersOf([source, ...queues]), [[1, 2], []])
})

const memory = '/dev/shm'
const isElsewhere = existsSync(memory) && statSync(memory).dev !== statSync(tmpdir()).dev

t.test(
  'a destination on another file system is refused before any job is moved',
  { skip: isElsewhere ? false : 'there is one file system here' },
  async (t) => {
    const directory = mkdtempSync(`${memory}/fsq-`)
    t.teardown(() => {
      removeSync(directory)
    })
    const { source, queues } = await queuesIn(t, 'one')
    await addJobs(source, 1, 2)
    const elsewhere = await initFilespooler(`${directory}/q`)
    for (const order of ['sequence', 'timestamp'] as const) {
      const moving = disperse(source, [...queues, elsewhere], { order })
      await t.rejects(moving, {
        code: 'FSQ_FILESPOOLER',
        errno: 'EXDEV',
        path: elsewhere.directory,
      })
    }
    t.strictSame(await numbersOf([source, ...queues]), [[1, 2], []])
    t.notOk(existsSync(source.paths.dispersing))
  },
)

t.test('a source that is processed is left alone, or waited for', async (t) => {
  const { source, queues } = await queuesIn(t, 'one')
  await addJobs(source, 1)
  const lock = await source.lock()
  await t.rejects(disperse(source, queues), { code: 'FSQ_LOCKED' })
  const moving = disperse(source, queues, { wait: 10 })
  lock.close()
  t.strictSame(await moving, { moved: 1, left: 0 })
  const end = AbortSignal.abort(new Error('enough'))
  await t.rejects(disperse(source, queues, { signal: end }), /enough/)
})

t.test('an append-only queue can be a destination, and no source', async (t) => {
  const { source } = await queuesIn(t)
  const other = await initFilespooler(`${source.directory}-other`, { appendOnly: true })
  await addJobs(source, 1)
  t.strictSame(await disperse(source, [other]), { moved: 1, left: 0 })
  await t.rejects(disperse(other, [source]), { code: 'FSQ_FILESPOOLER' })
  t.strictSame(await numbersIn(other), [1])
})

/** What a killed call leaves in dispersing/, by nextseq, and what becomes of it. */
const interrupted: Readonly<
  Record<string, { staged: (number | bigint)[]; next: bigint; back: number[]; on: number }>
> = {
  'before nextseq was written': { staged: [1, 2], next: 1n, back: [1, 2], on: 0 },
  'after it was': { staged: [1, 2], next: 3n, back: [], on: 2 },
  'and a power cut has undone the first of them': { staged: [2], next: 1n, back: [2], on: 0 },
  'at the end of the numbers': { staged: [2n ** 64n - 1n, 0], next: 1n, back: [], on: 2 },
  'before it was, at the end of the numbers': {
    staged: [2n ** 64n - 1n, 0],
    next: 2n ** 64n - 1n,
    back: [Number(2n ** 64n - 1n), 0],
    on: 0,
  },
}

for (const order of ['sequence', 'timestamp'] as const)
  for (const [name, { staged, next, back, on }] of Object.entries(interrupted))
    t.test(`by ${order}, after a kill ${name}`, async (t) => {
      const { source, queues } = await queuesIn(t, 'one', 'two')
      await addJobs(source, ...staged)
      renameSync(source.paths.jobs, source.paths.dispersing)
      mkdirSync(source.paths.jobs)
      await source.setNext(next)
      const returned: number[] = []
      const moved: string[] = []
      const onEvent = (event: DisperseEvent): void => {
        if (event.type === 'returned') returned.push(Number(event.job.job.sequence))
        if (event.type === 'moved') moved.push(String(event.job.job.sequence))
      }
      const result = await disperse(source, queues, { order, maxJobs: 0, maxDepth: 1, onEvent })
      t.equal(result.moved, on)
      t.strictSame(returned, back)
      t.strictSame(moved, staged.map(String).slice(0, on), 'in order')
      t.strictSame(entriesOf(source.paths.dispersing), [])
      t.equal((await numbersOf(queues)).flat().length, on)
      t.equal((await numbersIn(source)).length, back.length)
      t.equal(nextIn(source), String(next))
    })

t.test('what cannot be read of what a killed call left is an error, and stays', async (t) => {
  const { source, queues } = await queuesIn(t, 'one')
  await addJobs(source, 1)
  mkdirSync(source.paths.dispersing)
  writeFileSync(`${source.paths.dispersing}/fspl-z.fspl`, gzipSync(encodeHeader(jobOf(9n))))
  await t.rejects(disperse(source, queues), {
    code: 'FSQ_FILESPOOLER',
    message: /fspl-z\.fspl in .*dispersing: not the file of a job/,
  })
  t.strictSame(await numbersOf([source, ...queues]), [[1], []])
  await source.setNext(10n)
  t.strictSame(await disperse(source, queues, { decoder: 'zcat -f' }), { moved: 1, left: 0 })
})

t.test('where the system has no renameat2(2), jobs are moved under new names', async (t) => {
  const { directory, fsq } = await place(t)
  const source = await initFilespooler(`${directory}/source`)
  const one = await initFilespooler(`${directory}/one`)
  await source.write([encodeHeader(jobOf(1n))], 'fspl-x.fspl')
  await one.write([encodeHeader(jobOf(99n))], 'fspl-x.fspl')
  const words = ['filespooler', 'disperse', source.directory, one.directory]
  check(t, await fsq(words, { env: { FSQ_NATIVE: 'commands' } }))
  t.strictSame(await numbersIn(one), [1, 99])
})

t.test('fsq filespooler disperse', async (t) => {
  const { directory, fsq } = await place(t)
  const path = (name: string): string => `${directory}/${name}`
  const [source, one, two] = [path('source'), path('one'), path('two')]
  for (const each of [source, one, two]) await initFilespooler(each)
  const call = (...words: readonly string[]): ReturnType<typeof fsq> =>
    fsq(['filespooler', 'disperse', ...words])
  check(t, await call(source, one, two), {}, 'nothing to do')
  await openFilespooler(source).write([encodeHeader(jobOf(1n))], 'fspl-a.fspl')
  await openFilespooler(source).write([encodeHeader(jobOf(2n))], 'fspl-b.fspl')
  await openFilespooler(source).write([encodeHeader(jobOf(4n))], 'fspl-d.fspl')
  check(t, await call('-n', '1', '--json', source, one, two), {
    stdout: `{"sequence":"1","to":"${one}","name":"fspl-a.fspl"}\n`,
  })
  check(t, await call(source, one, '--max-depth', '1'), {
    stderr: 'fsq filespooler disperse: info: left for want of room: 1\n',
  })
  check(t, await call(source, one, two), {
    stderr: 'fsq filespooler disperse: info: job 3 is missing; those behind it wait\n',
  })
  check(t, await call('--order-by', 'TIMESTAMP', source, one, two))
  t.strictSame(entriesOf(`${one}/jobs`), ['fspl-a.fspl', 'fspl-d.fspl'])
  t.strictSame(entriesOf(`${two}/jobs`), ['fspl-b.fspl'])
  for (const again of [source, `${source}/../source`])
    check(t, await call(source, again), {
      status: 2,
      stderr: /^fsq filespooler disperse: the queue .*source is given twice\nusage: .*\n$/,
    })
  check(t, await call(source), { status: 2, stderr: /too few arguments\nusage: .*\n/ })
  check(t, await call('--max-depth', '0', source, one), { status: 2, stderr: /whole number/ })
  using lock = await openFilespooler(source).lock()
  check(t, await call(source, one), { status: 1, stderr: /somebody else has locked/ })
  lock.close()
})

t.test('what a kill left is told by a count, and each job at debug', async (t) => {
  const { directory, fsq } = await place(t)
  const source = await initFilespooler(`${directory}/source`)
  const one = await initFilespooler(`${directory}/one`)
  for (const flags of [[], ['-v']]) {
    await addJobs(source, 1, 2)
    mkdirSync(source.paths.dispersing, { recursive: true })
    for (const entry of entriesOf(source.paths.jobs))
      renameSync(`${source.paths.jobs}/${entry}`, `${source.paths.dispersing}/${entry}`)
    const words = ['filespooler', 'disperse', ...flags, '-n', '0']
    const { status, stderr } = await fsq([...words, source.directory, one.directory])
    t.equal(status, 0)
    const told = 'fsq filespooler disperse: warn: back, since who moved them was killed: 2 jobs\n'
    t.ok(stderr.includes(told))
    t.equal(stderr.split('\n').filter((line) => line.endsWith(' is back')).length, 2 * flags.length)
    for (const entry of entriesOf(source.paths.jobs)) unlinkSync(`${source.paths.jobs}/${entry}`)
  }
})

t.test('that there are files only that are no jobs is told', async (t) => {
  const { directory, fsq } = await place(t)
  const source = await initFilespooler(`${directory}/source`)
  const one = await initFilespooler(`${directory}/one`)
  const words = ['filespooler', 'disperse', source.directory, one.directory]
  const encoded = gzipSync(encodeHeader(jobOf(1n)))
  await source.write([encoded])
  const told = (what: string): string =>
    `fsq filespooler disperse: info: ${what}; see queue-check, or -d\n`
  check(t, await fsq(words), { stderr: told('1 file is no job') })
  await source.write([encoded])
  check(t, await fsq(words), { stderr: told('2 files are no jobs') })
  await addJobs(source, 1)
  check(t, await fsq(words))
})

t.test('a signal ends it before the next jobs, and it dies of it', async (t) => {
  const { directory, fsq } = await place(t)
  const source = await initFilespooler(`${directory}/source`)
  const one = await initFilespooler(`${directory}/one`)
  await addJobs(source, ...to(12))
  for (const order of ['sequence', 'timestamp']) {
    // At the first of the jobs, long before the last of them is read.
    const decoder = `mkdir ${directory}/${order} 2>/dev/null && kill -TERM $PPID; cat`
    const words = ['--order-by', order, '-d', decoder]
    const ended = await fsq([
      ...['filespooler', 'disperse', ...words],
      ...[source.directory, one.directory],
    ])
    check(t, ended, { status: 'SIGTERM' }, order)
    t.strictSame(await numbersOf([source, one]), [to(12), []])
  }
})

for (const order of ['sequence', 'timestamp'] as const)
  t.test(`by ${order}, it ends between batches, and nothing is on its way then`, async (t) => {
    const { source, queues } = await queuesIn(t, 'one')
    await addJobs(source, ...to(70))
    const end = new AbortController()
    const onEvent = (): void => {
      end.abort(new Error('enough'))
    }
    const { signal } = end
    await t.rejects(disperse(source, queues, { order, signal, onEvent }), /^enough$/)
    t.strictSame(await numbersOf([source, ...queues]), [to(70).slice(64), to(64)])
    t.equal(nextIn(source), order === 'sequence' ? '65' : '1')
    if (order === 'sequence') t.strictSame(entriesOf(source.paths.dispersing), [])
    t.strictSame(await disperse(source, queues, { order, signal: undefined }), {
      moved: 6,
      left: 0,
    })
  })

for (const order of ['sequence', 'timestamp'] as const)
  t.test(`by ${order}, what cannot be put into a destination is in the source`, async (t) => {
    const { source, queues } = await queuesIn(t, 'one', 'two')
    await addJobs(source, ...to(70))
    const [one, two] = queues
    const gone = `${two.directory}/gone`
    const told: number[] = []
    const onEvent = (event: DisperseEvent): void => {
      if (event.type === 'moved') told.push(Number(event.job.job.sequence))
      if (!existsSync(gone)) renameSync(two.paths.jobs, gone)
    }
    await t.rejects(disperse(source, queues, { order, onEvent }), {
      code: 'FSQ_FILESPOOLER',
      errno: 'ENOENT',
      path: two.directory,
      message: /cannot move jobs from .*source to .*two: /,
    })
    renameSync(gone, two.paths.jobs)
    t.strictSame(told, to(65))
    const odd = to(65).filter((number) => number % 2 === 1)
    t.strictSame(await numbersOf([source, one]), [[66, 67, 68, 69, 70], odd])
    t.equal(nextIn(source), order === 'sequence' ? '66' : '1')
    if (order === 'sequence') t.strictSame(entriesOf(source.paths.dispersing), [])
    t.strictSame(await disperse(source, queues, { order }), { moved: 5, left: 0 })
  })

t.test(
  'a destination of somebody else is refused before any job is moved',
  { skip: await cannotBeNobody() },
  async (t) => {
    const { directory, fsq } = await place(t)
    const [source, own, foreign] = await Promise.all(
      ['source', 'own', 'foreign'].map((name) => initFilespooler(`${directory}/${name}`)),
    )
    if (source === undefined || own === undefined || foreign === undefined) return
    await addJobs(source, 1, 2)
    for (const { directory, paths } of [source, own])
      for (const path of [directory, paths.jobs, paths.nextseq, paths.lock])
        chownSync(path, nobody, nobody)
    for (const order of ['sequence', 'timestamp']) {
      const words = ['filespooler', 'disperse', '--order-by', order]
      const paths = [source, own, foreign].map(({ directory }) => directory)
      check(t, await fsq([...words, ...paths], { uid: nobody }), {
        status: 1,
        stderr: /disperse: cannot move jobs from .*source to .*foreign: permission denied\n$/,
      })
      t.strictSame(await numbersOf([source, own, foreign]), [[1, 2], [], []])
      t.equal(nextIn(source), '1')
    }
    t.notOk(existsSync(source.paths.dispersing))
  },
)

t.test('fspl processes what was dispersed, by the times', { skip: noFspl }, async (t) => {
  const { source, queues } = await queuesIn(t, 'one', 'two')
  await addJobs(source, ...to(6))
  await disperse(source, queues, { maxJobs: 5 })
  for (const [at, expected] of ['1\n3\n5\n', '2\n4\n'].entries()) {
    const words = ['queue-process', '-q', queues[at]?.directory ?? '', '--order-by', 'Timestamp']
    check(t, await fspl([...words, 'cat']), { stdout: expected })
  }
  const words = ['queue-process', '-q', source.directory, 'cat']
  check(t, await fspl(words), { stdout: '6\n' }, 'and goes on where that ended')
})
