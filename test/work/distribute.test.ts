import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import t, { type Test } from 'tap'
import type { DistributeEvent, DistributeOptions } from '../../lib/work/distribute.js'
import type { Queue } from '../../lib/root/queue.js'
import { nobody, notRoot } from '../helpers/cli.js'
import { contentsOf, nothing, temporaryQueue, underUmask } from '../helpers/temporary.js'

const asSomebody = { skip: notRoot }

async function withHosts(t: Test, ...hosts: readonly string[]): Promise<Queue> {
  return temporaryQueue(t, {}, { hosts })
}

/** The arguments of the items that wait for each host. */
async function waiting(queue: Queue): Promise<Record<string, string[]>> {
  const seen: Record<string, string[]> = {}
  for (const host of await queue.hosts()) {
    seen[host] = []
    for (const id of contentsOf(queue.host(host))['queue'] ?? [])
      seen[host].push(id.split('_').slice(6).join(' '))
    seen[host].sort()
  }
  return seen
}

/** The records that are kept, without whose turn it was. */
const recordsOf = ({ context: { paths } }: Queue): string[] =>
  existsSync(paths.distribution)
    ? readdirSync(paths.distribution).filter((name) => name !== 'last')
    : []

/** Items are on their way at the same time, so it is not said which comes first. */
const sorted = (events: DistributeEvent[]): DistributeEvent[] =>
  events.toSorted((a, b) => ((a.id ?? '') < (b.id ?? '') ? -1 : 1))

/** Enqueues items with these arguments, in the order of their names. */
async function fill(queue: Queue, ...args: readonly string[]): Promise<string[]> {
  const ids: string[] = []
  for (const argument of args) ids.push(await queue.enqueue(`body of ${argument}`, [argument]))
  return ids.sort()
}

async function done(queue: Queue, host: string): Promise<void> {
  for await (const item of queue.scan({ host })) await item.done()
}

for (const link of [false, true])
  t.test(`each host gets a ${link ? 'link' : 'copy'} of each item`, async (t) => {
    const queue = await withHosts(t, 'a', 'b')
    const ids = await fill(queue, 'one', 'two')
    const events: DistributeEvent[] = []
    const onEvent = (event: DistributeEvent): number => events.push(event)
    t.strictSame(await queue.distribute({ link, onEvent }), { distributed: 2, postponed: 0 })
    t.strictSame(contentsOf(queue), { ...nothing, done: ids })
    for (const host of ['a', 'b']) {
      t.strictSame(contentsOf(queue.host(host)), { ...nothing, queue: ids })
      using item = await queue.host(host).claim(ids[0] ?? '')
      t.equal(await item.text(), 'body of one')
    }
    t.match(sorted(events), [
      { type: 'distributed', queue: 'q', id: ids[0], outcome: { state: 'done' } },
      { type: 'distributed', id: ids[1] },
    ])
    t.strictSame(recordsOf(queue), [])
  })

t.test('again, nothing is put there twice', async (t) => {
  const queue = await withHosts(t, 'a')
  const [id = ''] = await fill(queue, 'one')
  await queue.distribute({ noDone: true })
  await queue.distribute({ noDone: true })
  t.strictSame(contentsOf(queue.host('a')), { ...nothing, queue: [id] })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] }, 'and it was left')
  await done(queue, 'a')
  await queue.distribute({ noDone: true })
  t.strictSame(contentsOf(queue.host('a')), { ...nothing, done: [id] }, 'nor what was finished')
  t.strictSame(await queue.distribute(), { distributed: 1, postponed: 0 })
  t.strictSame(recordsOf(queue), [])
})

t.test(
  'what is there or finished there, though nobody noted it, is not put there again',
  async (t) => {
    for (const state of ['queue', 'done', 'fail'] as const) {
      const queue = await withHosts(t, 'a')
      const [id = ''] = await fill(queue, 'one')
      writeFileSync(`${queue.host('a').context.paths[state]}/${id}`, 'theirs')
      t.strictSame(await queue.distribute(), { distributed: 1, postponed: 0 })
      t.strictSame(contentsOf(queue.host('a')), { ...nothing, [state]: [id] }, state)
      t.strictSame(contentsOf(queue)['done'], [id])
    }
  },
)

t.test('a host that is down gets its copy later, and the others get no second one', async (t) => {
  const queue = await withHosts(t, 'a', 'b', 'c')
  const [id = ''] = await fill(queue, 'one')
  await queue.downHost('b')
  const events: DistributeEvent[] = []
  const onEvent = (event: DistributeEvent): number => events.push(event)
  t.strictSame(await queue.distribute({ onEvent }), { distributed: 0, postponed: 1 })
  t.match(events, [{ type: 'postponed', id, hosts: ['a', 'c'], down: ['b'] }])
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  await done(queue, 'a')
  for (const name of contentsOf(queue.host('a'))['done'] ?? [])
    unlinkSync(`${queue.host('a').context.paths.done}/${name}`)
  t.strictSame(await queue.distribute(), { distributed: 0, postponed: 1 })
  await queue.upHost('b')
  t.strictSame(await queue.distribute(), { distributed: 1, postponed: 0 })
  t.strictSame(await waiting(queue), { a: [], b: ['one'], c: ['one'] }, 'though a has pruned its')
  t.strictSame(contentsOf(queue), { ...nothing, done: [id] })
  t.strictSame(recordsOf(queue), [])
})

t.test("users go on where others were, with the others' records", asSomebody, async (t) => {
  const queue = await temporaryQueue(t, { queueMode: 0o2777, itemMode: 0o666 }, { hosts: ['a'] })
  chmodSync(queue.context.settings.root, 0o755)
  const ids = await fill(queue, '1', '2')
  await queue.downHost('a')
  await underUmask(0o077, async () => queue.distribute())
  t.strictSame(recordsOf(queue), ids)
  await queue.upHost('a')
  process.seteuid?.(nobody)
  try {
    t.strictSame(await queue.distribute(), { distributed: 2, postponed: 0 })
  } finally {
    process.seteuid?.(0)
  }
  t.strictSame(await waiting(queue), { a: ['1', '2'] })
  t.strictSame(recordsOf(queue), [])
})

t.test('one host each', async (t) => {
  interface Case {
    readonly spread: 'round-robin' | 'least'
    readonly before?: (queue: Queue) => Promise<unknown>
    readonly expected: Record<string, string[]>
  }
  const cases: Readonly<Record<string, Case>> = {
    'in turn': {
      spread: 'round-robin',
      expected: { a: ['1', '4'], b: ['2', '5'], c: ['3'] },
    },
    'in turn, without the one that is down': {
      spread: 'round-robin',
      before: (queue) => queue.downHost('b'),
      expected: { a: ['1', '3', '5'], b: [], c: ['2', '4'] },
    },
    'where the least wait': {
      spread: 'least',
      before: async (queue) => {
        await fill(queue.host('a'), 'x', 'y', 'z')
        await fill(queue.host('b'), 'x')
      },
      expected: { a: ['x', 'y', 'z'], b: ['2', '4', 'x'], c: ['1', '3', '5'] },
    },
  }
  for (const [name, { spread, before, expected }] of Object.entries(cases))
    t.test(name, async (t) => {
      const queue = await withHosts(t, 'c', 'a', 'b')
      await before?.(queue)
      const ids = await fill(queue, '1', '2', '3', '4', '5')
      t.strictSame(await queue.distribute({ spread }), { distributed: 5, postponed: 0 })
      t.strictSame(await waiting(queue), expected)
      t.strictSame(contentsOf(queue), { ...nothing, done: ids })
    })
})

t.test('the turns go on where the last distribution ended', async (t) => {
  const queue = await withHosts(t, 'a', 'b', 'c')
  for (const argument of ['1', '2', '3', '4']) {
    await fill(queue, argument)
    await queue.distribute({ spread: 'round-robin' })
  }
  t.strictSame(await waiting(queue), { a: ['1', '4'], b: ['2'], c: ['3'] })
})

t.test('what was decided for one host stays with it, until that is removed', async (t) => {
  const queue = await withHosts(t, 'a', 'b')
  const { distribution } = queue.context.paths
  const [id = ''] = await fill(queue, '1')
  await queue.distribute({ spread: 'round-robin', noDone: true })
  await queue.downHost('a')
  t.match(readFileSync(`${distribution}/${id}`, 'utf8'), '["for","a"]\n["has","a","')
  await queue.distribute({ spread: 'round-robin', noDone: true })
  t.strictSame(await waiting(queue), { a: ['1'], b: [] })
  writeFileSync(`${distribution}/${id}`, '["for","a"]\n["ha') // As if killed, and cut by a power cut.
  t.strictSame(await queue.distribute({ spread: 'least' }), { distributed: 0, postponed: 1 })
  await queue.uninstallHost('a', { force: true })
  t.strictSame(await queue.distribute({ spread: 'least' }), { distributed: 1, postponed: 0 })
  t.strictSame(await waiting(queue), { b: ['1'] })
})

t.test('while all hosts are down, items wait', async (t) => {
  const queue = await withHosts(t, 'a', 'b')
  const ids = await fill(queue, '1')
  await queue.downHost('a')
  await queue.downHost('b')
  for (const spread of ['all', 'round-robin', 'least'] as const)
    t.strictSame(await queue.distribute({ spread }), { distributed: 0, postponed: 1 }, spread)
  t.strictSame(contentsOf(queue), { ...nothing, queue: ids })
  t.strictSame(await queue.distribute({ ignoreDown: true }), { distributed: 1, postponed: 0 })
})

t.test('hosts that are named', async (t) => {
  const queue = await withHosts(t, 'a', 'b')
  await fill(queue, '1')
  await queue.distribute({ hosts: ['b'] })
  t.strictSame(await waiting(queue), { a: [], b: ['1'] })
})

t.test('records of items that are gone are removed', async (t) => {
  const queue = await withHosts(t, 'a')
  const [id = ''] = await fill(queue, '1')
  await queue.distribute({ noDone: true })
  t.strictSame(recordsOf(queue), [id])
  for await (const item of queue.scan()) await item.done()
  await queue.distribute()
  t.strictSame(recordsOf(queue), [])
})

t.test('two at once put nothing there twice', async (t) => {
  const queue = await withHosts(t, 'a', 'b')
  await fill(queue, ...Array.from({ length: 40 }, (_, i) => `n${i}`))
  const spread = 'round-robin'
  const both = await Promise.all([queue.distribute({ spread }), queue.distribute({ spread })])
  t.equal(
    both.reduce((sum, { distributed }) => sum + distributed, 0),
    40,
  )
  const { a = [], b = [] } = await waiting(queue)
  t.equal(new Set([...a, ...b]).size, 40)
  t.equal(a.length + b.length, 40)
})

t.test('items that are on their way arrive, though another ends the distribution', async (t) => {
  const queue = await withHosts(t, 'a')
  const [good = '', bad = ''] = await fill(queue, '1', '2', '3')
  mkdirSync(`${queue.path}/.dist/${bad}`, { recursive: true })
  const events: DistributeEvent[] = []
  const onEvent = (event: DistributeEvent): void => {
    events.push(event)
    if (event.id === bad) throw new Error('it was enough')
  }
  await t.rejects(queue.distribute({ onEvent }), { message: 'it was enough' })
  t.match(sorted(events), [
    { type: 'distributed', id: good },
    { type: 'error', id: bad, error: { errno: 'EISDIR' } },
  ])
  t.notOk(events.some(({ type, id }) => type === 'error' && id !== bad))
  t.ok(contentsOf(queue)['done']?.includes(good))
})

t.test('what cannot be', async (t) => {
  const queue = await withHosts(t, 'a')
  const ids = await fill(queue, '1')
  const cases: readonly (readonly [DistributeOptions, Record<string, unknown>])[] = [
    [
      { hosts: ['a', 'nosuch'] },
      { code: 'FSQ_NO_QUEUE', message: /^no such host queue: q\/nosuch/ },
    ],
    [{ hosts: [] }, { name: 'TypeError' }],
    [{ spread: 'some' as never }, { name: 'TypeError', message: /round-robin/ }],
    [{ noOpen: true }, { name: 'TypeError' }],
    [{ unknown: 1 } as never, { name: 'TypeError' }],
    [{ signal: AbortSignal.abort(new Error('enough')) }, { message: 'enough' }],
  ]
  for (const [options, error] of cases)
    await t.rejects(queue.distribute(options), error as unknown as Error)
  t.strictSame(contentsOf(queue), { ...nothing, queue: ids })
  t.strictSame(contentsOf(queue.host('a')), nothing)
  await queue.down()
  await t.rejects(queue.distribute(), { code: 'FSQ_DOWN' })
  const bare = await temporaryQueue(t)
  await t.rejects(bare.distribute(), { code: 'FSQ_NO_QUEUE', message: /has no host queues/ })
})

t.test('a host queue that is not whole is refused before anything is put anywhere', async (t) => {
  const queue = await withHosts(t, 'a', 'b')
  const ids = await fill(queue, '1')
  rmdirSync(queue.host('b').context.paths.tmp)
  await t.rejects(queue.distribute(), {
    code: 'FSQ_NO_QUEUE',
    message: /^not a whole queue: q\/b /,
  })
  t.strictSame(contentsOf(queue.host('a')), nothing)
  t.strictSame(contentsOf(queue), { ...nothing, queue: ids })
})

t.test('a host queue that was made anew has nothing yet', async (t) => {
  const queue = await withHosts(t, 'a', 'b')
  await queue.downHost('b')
  await fill(queue, '1')
  t.strictSame(await queue.distribute(), { distributed: 0, postponed: 1 })
  await queue.uninstallHost('a', { force: true })
  await queue.installHost('a')
  await queue.upHost('b')
  t.strictSame(await queue.distribute(), { distributed: 1, postponed: 0 })
  t.strictSame(await waiting(queue), { a: ['1'], b: ['1'] })
})
