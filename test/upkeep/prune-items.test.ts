import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { systemError } from '../../lib/posix/system-error.js'
import * as posixNames from '../../lib/posix/names.js'
import type * as Prune from '../../lib/upkeep/prune-items.js'
import { pruneItems, type PruneOptions } from '../../lib/upkeep/prune-items.js'
import { check, eventually, type Place, place, startProgram } from '../helpers/cli.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { contentsOf, entriesOf, nothing, temporaryQueue } from '../helpers/temporary.js'

t.jobs = 4

const second = 1000
const day = 24 * 60 * 60 * second
const inDays = (days: number): Date => new Date(Date.now() + days * day)

const names = ['a', 'b']
const full = { tmp: names, queue: names, done: names, fail: names }

/** Two files in each directory of the queue. */
function fill({ queue: { context } }: Pick<Place, 'queue'>): void {
  for (const state of ['tmp', 'queue', 'done', 'fail'] as const)
    for (const name of names) writeFileSync(`${context.paths[state]}/${name}`, '')
}

const flagsTable: readonly [flags: string[], left: { done?: string[]; fail?: string[] }][] = [
  [[], {}],
  [['--older', '0s'], { done: [] }],
  [['--done', '--older=0s'], { done: [] }],
  [['--fail', '--older', '0s'], { fail: [] }],
  [['--fail', '--done', '--older', '0s'], { done: [], fail: [] }],
  [['--fail', '--done', '--older', '1m'], {}],
]

t.test('prune removes from done/ or fail/, never from queue/ or tmp/', async (t) => {
  await Promise.all(
    flagsTable.map(async ([flags, left]) => {
      const here = await place(t)
      fill(here)
      const title = `prune ${flags.join(' ')}`
      check(t, await here.fsq(['prune', ...flags, 'q']), {}, title)
      t.strictSame(contentsOf(here.queue), { ...full, ...left }, title)
    }),
  )
})

t.test('only what was finished long enough ago goes', { buffered: true }, async (t) => {
  const queue = await temporaryQueue(t)
  fill({ queue })
  const states = ['done', 'fail'] as const
  t.strictSame(await pruneItems(queue, { states, now: inDays(6.9) }), { removed: 0 }, '7 days')
  const olderThan = 60
  const now = (seconds: number): Date => new Date(Date.now() + seconds * second)
  t.strictSame(await pruneItems(queue, { states, olderThan, now: now(50) }), { removed: 0 })
  t.strictSame(contentsOf(queue), full)
  t.strictSame(await pruneItems(queue, { olderThan, now: now(70) }), { removed: 2 })
  t.strictSame(contentsOf(queue), { ...full, done: [] })
  t.strictSame(await pruneItems(queue, { states, now: inDays(7.1) }), { removed: 2 })
  t.strictSame(contentsOf(queue), { ...full, done: [], fail: [] })
})

t.test('the age counts from the finish, whoever finished it', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const { paths } = queue.context
  const [ours, theirs] = [await queue.enqueue(''), await queue.enqueue('')]
  for (const id of [ours, theirs]) utimesSync(`${paths.queue}/${id}`, inDays(-30), inDays(-30))
  renameSync(`${paths.queue}/${theirs}`, `${paths.done}/${theirs}`) // As a shell would.
  check(t, await fsq(['scan', 'q', 'true']))
  check(t, await fsq(['prune', 'q']))
  t.strictSame(contentsOf(queue), { ...nothing, done: [ours, theirs].sort() })
})

t.test('--dry-run prints what would be removed, -v what is', { buffered: true }, async (t) => {
  const here = await place(t)
  fill(here)
  const { done, fail } = here.queue.context.paths
  const dry = await here.fsq(['prune', '-v', '--dry-run', '--done', '--fail', '--older', '0s', 'q'])
  t.strictSame(dry.stdout.trim().split('\n').sort(), [
    ...names.map((name) => `${done}/${name}`),
    ...names.map((name) => `${fail}/${name}`),
  ])
  check(t, dry, { stdout: dry.stdout, stderr: 'fsq prune: q: 4 would be removed\n' })
  t.strictSame(contentsOf(here.queue), full)
  const verbose = await here.fsq(['prune', 'q', '-v', '--older', '0s'])
  check(t, verbose, {
    stderr: /^(fsq prune: removed .*\/done\/[ab]\n){2}fsq prune: q: 2 removed\n$/,
  })
})

t.test('links are removed, not followed; directories stay', { buffered: true }, async (t) => {
  const here = await place(t)
  const { done } = here.queue.context.paths
  const outside = `${here.directory}/outside`
  mkdirSync(outside)
  writeFileSync(`${outside}/file`, 'precious')
  symlinkSync(`${outside}/file`, `${done}/link`)
  symlinkSync(outside, `${done}/link-to-directory`)
  mkdirSync(`${done}/directory`)
  check(t, await here.fsq(['prune', '--older', '0s', 'q']))
  t.strictSame(entriesOf(done), ['directory'])
  t.strictSame(entriesOf(outside), ['file'])
})

t.test('a link in the place of done/ is refused', { buffered: true }, async (t) => {
  const here = await place(t)
  const { done } = here.queue.context.paths
  fill(here)
  const outside = `${here.directory}/outside`
  renameSync(done, outside)
  symlinkSync(outside, done)
  const ended = await here.fsq(['prune', '--older', '0s', 'q'])
  check(t, ended, { status: 111, stderr: /^fsq prune: .*\n$/ })
  t.strictSame(entriesOf(outside), names)
})

t.test('one queue that fails does not keep the others back', { buffered: true }, async (t) => {
  const here = await place(t)
  fill(here)
  const x = await here.root.install('x')
  rmdirSync(x.context.paths.done)
  check(t, await here.fsq(['prune', '--older', '0s', 'nosuch', 'x', 'q']), {
    status: 111,
    stderr: /^fsq prune: no such queue: nosuch .*\nfsq prune: .*x.*\n$/,
  })
  t.strictSame(contentsOf(here.queue)['done'], [])
})

t.test('those that prune at once remove each entry once', { buffered: true }, async (t) => {
  const here = await place(t)
  const { done } = here.queue.context.paths
  for (let i = 0; i < 3000; i++) writeFileSync(`${done}/${i}`, '')
  const removed: string[] = []
  const prune = (): ReturnType<typeof pruneItems> =>
    pruneItems(here.queue, { olderThan: 0, onRemove: (_, id) => removed.push(id) })
  const [ours, theirs, ended] = await Promise.all([
    prune(),
    prune(),
    here.fsq(['prune', '-v', '--older', '0s', 'q']),
  ])
  t.equal(ended.status, 0)
  t.strictSame(entriesOf(done), [])
  const byProgram = [...ended.stderr.matchAll(/removed .*\/([0-9]+)\n/g)].map(([, id]) => id ?? '')
  t.equal(ours.removed + theirs.removed, removed.length)
  t.equal(new Set([...removed, ...byProgram]).size, 3000)
  t.equal(removed.length + byProgram.length, 3000)
})

t.test('as a library: a dry run, what is told, and no queue', { buffered: true }, async (t) => {
  const queue = await temporaryQueue(t)
  fill({ queue })
  const seen: string[] = []
  const options = {
    states: ['fail', 'done'],
    olderThan: 0,
    onRemove: (state: string, id: string) => seen.push(`${state}/${id}`),
  } as const
  t.strictSame(await pruneItems(queue, { ...options, dryRun: true }), { removed: 4 })
  t.strictSame(contentsOf(queue), full)
  t.strictSame(await pruneItems(queue, options), { removed: 4 })
  const each = ['done/a', 'done/b', 'fail/a', 'fail/b']
  t.strictSame(seen.sort(), [...each, ...each].sort())
  await queue.uninstall({ force: true })
  await t.rejects(pruneItems(queue), { code: 'FSQ_NO_QUEUE' })
})

t.test('with an age of 0, what was finished in this millisecond goes too', async (t) => {
  const queue = await temporaryQueue(t)
  for (let i = 0; i < 20; i++) {
    const path = putEntry(queue.context.paths.done, String(i))
    const now = new Date(Math.floor(lstatSync(path).ctimeMs))
    t.strictSame(await pruneItems(queue, { olderThan: 0, now }), { removed: 1 })
  }
})

/** Items in a directory, finished a second apart, the first named last, with as many bytes as given. */
function finished(directory: string, sizes: readonly number[]): string[] {
  const first = Math.floor(Date.now() / second) + 100_000 // Later than the ctime, which nobody can set.
  return sizes.map((size, at) => {
    const id = itemName({ entropy: at })
    const path = putEntry(directory, id, 'x'.repeat(size))
    utimesSync(path, first + at, first + at)
    return id
  })
}

const limits: readonly [options: PruneOptions, left: number[]][] = [
  [{ keep: 2 }, [3, 4]],
  [{ keep: 0 }, []],
  [{ keep: 9 }, [0, 1, 2, 3, 4]],
  [{ keep: 5 }, [0, 1, 2, 3, 4]],
  [{ keep: 2, olderThan: 1000 }, [0, 1, 2, 3, 4]],
  [{ keep: 1, olderThan: 0 }, [4]],
  [{ bytes: 100 }, [0, 1, 2, 3, 4]],
  [{ bytes: 99 }, [1, 2, 3, 4]],
  [{ bytes: 70 }, [2, 3, 4]],
  [{ bytes: 69 }, [3, 4]],
  [{ bytes: 39 }, []],
  [{ bytes: 0 }, []],
  [{ bytes: 0, keep: 2 }, [3, 4]],
  [{ bytes: 50, keep: 4 }, [1, 2, 3, 4]],
  [{ bytes: 50, olderThan: 0, keep: 1 }, [4]],
]

t.test('the newest are kept, and the oldest go until the rest is small enough', async (t) => {
  for (const [options, left] of limits) {
    const queue = await temporaryQueue(t)
    const { done } = queue.context.paths
    // 10 + 20 + 15 + 15 + 40 = 100
    const ids = finished(done, [10, 20, 15, 15, 40])
    const title = JSON.stringify(options)
    const now = new Date(Date.now() + 100_100 * second) // The last was finished some 100 s ago.
    t.strictSame(await pruneItems(queue, { now, ...options }), { removed: 5 - left.length }, title)
    t.strictSame(
      entriesOf(done),
      left.map((at) => ids[at]),
      title,
    )
  }
})

t.test('of those that were finished at the same moment the names decide', async (t) => {
  const queue = await temporaryQueue(t)
  const { done } = queue.context.paths
  const same = new Date(Date.now() + 100_000 * second)
  for (const name of ['b', 'd', 'a', 'c']) utimesSync(putEntry(done, name, 'xx'), same, same)
  const now = new Date(same.getTime() + second)
  t.strictSame(await pruneItems(queue, { keep: 3, now }), { removed: 1 })
  t.strictSame(entriesOf(done), ['b', 'c', 'd'])
  t.strictSame(
    await pruneItems(queue, { bytes: 5, keep: 1, now }),
    { removed: 2 },
    'they go together',
  )
  t.strictSame(entriesOf(done), ['d'])
})

t.test('many are kept in little memory, the right ones', async (t) => {
  const queue = await temporaryQueue(t)
  const { done } = queue.context.paths
  const first = Math.floor(Date.now() / second) + 100_000
  const order = Array.from({ length: 500 }, (_, at) => (at * 187) % 500)
  for (const at of order) utimesSync(putEntry(done, String(at)), first + at, first + at)
  const now = new Date((first + 1000) * second)
  t.strictSame(await pruneItems(queue, { keep: 7, now }), { removed: 493 })
  t.strictSame(entriesOf(done), ['493', '494', '495', '496', '497', '498', '499'])
})

t.test('what failed programs wrote goes with their items', { buffered: true }, async (t) => {
  const here = await place(t)
  const { paths } = here.queue.context
  fill(here)
  mkdirSync(paths.output)
  const old = inDays(-1)
  for (const name of ['a', 'b', 'orphan', '.123-abcdef'])
    utimesSync(putEntry(paths.output, name, 'output'), old, old)
  putEntry(paths.output, 'waits', 'of an item that is tried again')
  putEntry(paths.queue, 'waits')
  check(t, await here.fsq(['prune', '--older', '0s', 'q']))
  t.strictSame(
    entriesOf(paths.output),
    ['.123-abcdef', 'a', 'b', 'orphan', 'waits'],
    'not with done/',
  )
  const dry = await here.fsq(['prune', '--fail', '--dry-run', '--older', '0s', 'q'])
  check(t, dry, { stdout: /^(.*\/fail\/[ab]\n){2}$/ })
  const later = { states: ['fail'], now: new Date(Date.now() + 30 * second) } as const
  await pruneItems(here.queue, later)
  t.strictSame(entriesOf(paths.output).length, 5, 'nor what was written a moment ago')
  check(t, await here.fsq(['prune', '--fail', '--older', '0s', 'q']))
  t.strictSame(entriesOf(paths.output), ['.123-abcdef', 'orphan', 'waits'])
  await pruneItems(here.queue, { states: ['fail'], now: new Date(Date.now() + 70 * second) })
  t.strictSame(entriesOf(paths.output), ['waits'])
})

t.test('--json prints an object a line', { buffered: true }, async (t) => {
  const here = await place(t)
  fill(here)
  for (const [flag, outcome] of [
    [['--dry-run'], 'would'],
    [[], 'removed'],
  ] as const) {
    const { status, stdout, stderr } = await here.fsq([
      ...['prune', '--json', '--older', '0s', 'q'],
      ...flag,
    ])
    t.strictSame({ status, stderr }, { status: 0, stderr: '' })
    const lines = stdout.trim().split('\n')
    t.strictSame(
      lines.sort().map((line) => JSON.parse(line) as unknown),
      names.map((id) => ({ queue: 'q', state: 'done', id, outcome })),
    )
  }
})

t.test('what is removed is told, whatever happens then', { buffered: true }, async (t) => {
  const here = await place(t)
  fill(here)
  const { done, fail } = here.queue.context.paths
  renameSync(fail, `${here.directory}/fail`)
  const words = ['prune', '--done', '--fail', '--older', '0s', 'q']
  for (const [flag, line] of [
    ['--dry-run', /^(\/.*\/done\/[ab]\n){2}$/],
    ['--json', /^(\{.*"id":"[ab]","outcome":"removed"\}\n){2}$/],
  ] as const)
    check(t, await here.fsq([...words, flag]), { status: 111, stdout: line, stderr: /not a whole/ })
  t.strictSame(entriesOf(done), [])

  // What is told of them does not fit into a pipe: it comes to no end while nobody reads.
  for (let at = 0; at < 4000; at++) putEntry(done, `${'x'.repeat(100)}${at}`)
  const fifo = `${here.directory}/fifo`
  spawnSync('mkfifo', [fifo])
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
  let told = ''
  const read = (): string => {
    try {
      for (const bytes = Buffer.alloc(65_536); ;)
        told += bytes.toString('latin1', 0, readSync(fd, bytes))
    } catch {
      return told // EAGAIN: no more for now.
    }
  }
  const line = 'exec fsq prune --json --older 0s q >"$0"'
  const started = startProgram('sh', ['-c', line, fifo], { env: here.env })
  await eventually(() => entriesOf(done).length < 4000)
  started.kill('SIGINT')
  let isOver = false
  void started.exited.then(() => (isOver = true))
  await eventually(() => read() !== '' && isOver)
  closeSync(fd)
  t.equal((await started.ended).status, 'SIGINT')
  const left = entriesOf(done).length
  t.ok(left > 0, `it went no further: ${left}`)
  t.equal(told.split('\n').length - 1, 4000 - left)
})

t.test('it tells how far it is, of entries that it has counted', async (t) => {
  const queue = await temporaryQueue(t)
  fill({ queue })
  const seen: string[] = []
  const onProgress = (done: number, of: number): void => void seen.push(`${done}/${of}`)
  await pruneItems(queue, { states: ['done', 'fail'], onProgress })
  t.strictSame(seen, ['1/4', '2/4', '3/4', '4/4'])
})

const noScript =
  spawnSync('script', ['--version']).status === 0 ? false : 'needs script(1), to have a terminal'

t.test('a bar is on a terminal, and only there', { buffered: true, skip: noScript }, async (t) => {
  const here = await place(t)
  for (let at = 0; at < 3000; at++) putEntry(here.queue.context.paths.done, String(at))
  check(t, await here.fsq(['prune', 'q']), {}, 'silent in cron')
  const words = ['-qec', 'stty cols 80; fsq prune q', `${here.directory}/typescript`]
  const ended = await startProgram('script', words, { env: here.env }).ended
  t.equal(ended.status, 0)
  t.match(ended.stdout, /q \[=+\] 100% \d+\.\ds/)
})

t.test('what cannot be removed keeps neither the others nor the keys', async (t) => {
  const queue = await temporaryQueue(t)
  const stuck = await queue.enqueue('', [], { id: 'a key' })
  const other = await queue.enqueue('', [], { id: 'another' })
  for await (const item of queue.scan()) await item.done()
  const { pruneItems } = await t.mockImport<typeof Prune>('../../lib/upkeep/prune-items.js', {
    '../../lib/posix/names.js': {
      ...posixNames,
      removeIfThere: (path: string) => {
        if (path.endsWith(stuck)) throw systemError('EBUSY', path)
        return posixNames.removeIfThere(path)
      },
    },
  })
  const removed: string[] = []
  const onRemove = (_: string, id: string): unknown => removed.push(id)
  await t.rejects(pruneItems(queue, { olderThan: 0, onRemove }), {
    code: 'FSQ_PRUNE',
    errno: 'EBUSY',
  })
  t.strictSame(removed, [other])
  t.strictSame(contentsOf(queue)['done'], [stuck])
  t.equal(entriesOf(queue.context.paths.ids).length, 1, 'the key of the other is gone')
})

t.test('mistakes are told', async (t) => {
  const queue = await temporaryQueue(t)
  const wrong: readonly [object, RegExp][] = [
    [{ olderThan: -1 }, /Expected `olderThan` in seconds/],
    [{ keep: 1.5 }, /Expected `keep` to be a whole number, got 1.5/],
    [{ bytes: -1 }, /Expected `bytes` to be a whole number/],
    [{ states: ['queue'] }, /Expected done or fail, got queue/],
    [{ kep: 1 }, /Expected an option of prune, got kep/],
  ]
  for (const [options, message] of wrong)
    await t.rejects(pruneItems(queue, options), { name: 'TypeError', message })
})
