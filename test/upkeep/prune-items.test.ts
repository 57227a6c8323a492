import {
  lstatSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import t from 'tap'
import { pruneItems } from '../../lib/upkeep/prune-items.js'
import { check, type Place, place } from '../helpers/cli.js'
import { putEntry } from '../helpers/entries.js'
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
