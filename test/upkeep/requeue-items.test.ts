import { mkdirSync, renameSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { getNative } from '../../lib/posix/native.js'
import type { Queue } from '../../lib/root/queue.js'
import { openRoot } from '../../lib/root/root.js'
import { type Requeued, requeueItems, type RequeueOptions } from '../../lib/upkeep/requeue-items.js'
import { all } from '../helpers/collect.js'
import { putEntry } from '../helpers/entries.js'
import { lockedDescriptor } from '../helpers/lock.js'
import { fileOf } from '../helpers/ordered.js'
import { contentsOf, nothing, temporaryQueue, temporaryRoot } from '../helpers/temporary.js'

const hour = 60 * 60 * 1000
const old = new Date(2012, 6, 10, 21, 39, 4)

/** Enqueues an item that failed after so many tries; its name in fail/. */
async function failed(
  queue: Queue,
  args: readonly string[] = [],
  tries = 0,
  state: 'fail' | 'done' = 'fail',
): Promise<string> {
  let id = await queue.enqueue(args.join(), args, { enqueuedAt: old })
  for (let i = 0; i < tries; i++)
    ({ id } = await (await queue.claim(id)).failTmp({ maxTries: 0, ttl: 0 }))
  const item = await queue.claim(id)
  return (await (state === 'fail' ? item.failPerm() : item.success())).id
}

/** What became of each, in short. */
async function requeue(queue: Queue, options: RequeueOptions = {}): Promise<unknown[]> {
  const results: Requeued[] = await all(requeueItems(queue, options))
  return results.map(({ id, outcome, newId, error }) => [outcome, id, newId ?? error?.code])
}

t.test('what failed is work again, as old as it was, with no try spent', async (t) => {
  const queue = await temporaryQueue(t)
  const tried = await failed(queue, ['a b', 'ü%/'], 3)
  const untried = await failed(queue, ['b'])
  const done = await failed(queue, ['c'], 0, 'done')
  const again = tried.replace(/_3_a b/, '_0_a b')
  t.not(again, tried)
  t.strictSame(await all(requeueItems(queue)), [
    { queue: 'q', from: 'fail', id: tried, newId: again, outcome: 'requeued' },
    { queue: 'q', from: 'fail', id: untried, newId: untried, outcome: 'requeued' },
  ])
  t.strictSame(contentsOf(queue), { ...nothing, queue: [again, untried].sort(), done: [done] })
  const item = await queue.claim(again)
  t.equal(await item.text(), 'a b,ü%/')
  item.close()
  t.strictSame(await requeue(queue, { from: 'done' }), [['requeued', done, done]])
  t.strictSame(await requeue(queue), [])
})

t.test('fresh, it is as if it were enqueued now by this process', async (t) => {
  const queue = await temporaryQueue(t)
  const ids = [await failed(queue, ['a'], 2), await failed(queue, ['b'])]
  putEntry(queue.context.paths.fail, '_20120710213904_7_13044_mss_1_c')
  const before = Math.floor(Date.now() / 1000) * 1000
  const results = await all(requeueItems(queue, { fresh: true }))
  t.equal(results.length, 3)
  const items = await all(queue.scan())
  t.strictSame(items.map(({ arguments: [argument] }) => argument).sort(), ['a', 'b', 'c'])
  for (const item of items) {
    t.match(item, { tries: 0, pid: String(process.pid), hostname: /./ })
    t.ok(item.enqueuedAt.getTime() >= before)
    item.close()
  }
  t.notOk(items.some(({ id }) => ids.includes(id)))
  t.equal(new Set(items.map(({ entropy, enqueuedAt }) => `${entropy} ${+enqueuedAt}`)).size, 3)
})

t.test('a name that is taken is not replaced', async (t) => {
  const queue = await temporaryQueue(t)
  const { fail, queue: ready } = queue.context.paths
  putEntry(fail, '_20120710213904_0_1_h_2_a', 'failed')
  putEntry(ready, '_20120710213904_0_1_h_0_a', 'waits')
  putEntry(ready, '_20120710213904_1_1_h_0_a', 'waits too')
  const free = '_20120710213904_2_1_h_0_a'
  t.strictSame(await requeue(queue), [['requeued', '_20120710213904_0_1_h_2_a', free]])
  const item = await queue.claim(free)
  t.equal(await item.text(), 'failed')
  item.close()
  t.equal(contentsOf(queue)['queue']?.length, 3)
})

const choices: readonly [title: string, options: RequeueOptions, args: string[]][] = [
  ['everything', {}, ['alice', 'bob', 'x/y']],
  ['an argument, as a whole', { match: 'alice' }, ['alice']],
  ['not a part of it', { match: 'alic' }, []],
  ['a pattern', { match: '*[li]c*' }, ['alice']],
  ['alternatives', { match: '{alice,bob}' }, ['alice', 'bob']],
  ['an argument with a slash', { match: 'x*y' }, ['x/y']],
  ['the name', { match: '_2012*_0_bob' }, ['bob']],
  ['a pattern that is no negation', { match: '!bob' }, []],
  ['an age', { olderThan: 3600, now: new Date(Date.now() + 2 * hour) }, ['alice', 'bob', 'x/y']],
  ['an age that nothing has', { olderThan: 3600 }, []],
  ['no name', { ids: [] }, []],
]

t.test('those that are chosen', async (t) => {
  for (const [title, options, expected] of choices) {
    const queue = await temporaryQueue(t)
    for (const argument of ['alice', 'bob', 'x/y']) await failed(queue, [argument])
    await all(requeueItems(queue, options))
    const items = await all(queue.scan())
    const found = items.map(({ arguments: [argument] }) => argument)
    t.strictSame(found.sort(), expected, title)
    for (const item of items) item.close()
  }
})

t.test('an age counts from the failure, not from the enqueue', async (t) => {
  const queue = await temporaryQueue(t)
  await failed(queue)
  t.strictSame(await requeue(queue, { olderThan: 60 }), [])
})

t.test('one that cannot be requeued is left, and keeps none of the others back', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  const [a, b, c] = [await failed(queue, ['a']), await failed(queue, ['b']), await failed(queue)]
  lockedDescriptor(t, `${paths.fail}/${b}`)
  const ready = await queue.enqueue('')
  putEntry(paths.fail, '_malformed')
  mkdirSync(`${paths.fail}/directory`)
  symlinkSync(`${paths.fail}/${c}`, `${paths.fail}/_20120710213904_0_1_h_0`)
  const long = '_'.repeat(300)
  const ids = [a, b, 'nosuch', '../done/x', '_malformed', 'directory', ready, long, c]
  const link = '_20120710213904_0_1_h_0'
  const expected = [
    ['requeued', a, a],
    ['left', b, 'FSQ_ITEM_LOCKED'],
    ['left', 'nosuch', 'FSQ_NO_ITEM'],
    ['left', '../done/x', 'FSQ_PATH'],
    ['left', '_malformed', 'FSQ_MALFORMED'],
    ['left', 'directory', 'FSQ_MALFORMED'],
    ['left', ready, 'FSQ_NO_ITEM'],
    ['left', long, 'FSQ_NO_ITEM'],
    ['requeued', c, c],
    ['left', link, 'FSQ_MALFORMED'],
  ]
  t.strictSame(await requeue(queue, { ids: [...ids, link] }), expected)
  t.strictSame(contentsOf(queue)['queue'], [a, c, ready].sort())
})

t.test('a dry run tells the same and changes nothing', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await failed(queue, [], 2)
  const before = statSync(`${queue.context.paths.fail}/${id}`)
  t.strictSame(await requeue(queue, { ids: [id, 'nosuch'], dryRun: true }), [
    ['would', id, undefined],
    ['left', 'nosuch', 'FSQ_NO_ITEM'],
  ])
  t.equal(statSync(`${queue.context.paths.fail}/${id}`).ctimeMs, before.ctimeMs)
})

t.test('it may be worked on at once, and what its program wrote is gone', async (t) => {
  const queue = await temporaryQueue(t)
  const { fail, queue: ready, output } = queue.context.paths
  const [id, other] = [await failed(queue, ['a'], 1), await failed(queue, ['b'])]
  mkdirSync(output)
  for (const name of [id, other]) writeFileSync(`${output}/${name}`, 'what it wrote')
  const later = new Date(Date.now() + 24 * hour)
  utimesSync(`${fail}/${id}`, later, later)
  const [result] = await all(requeueItems(queue, { ids: [id] }))
  t.ok(statSync(`${ready}/${result?.newId ?? ''}`).mtimeMs <= Date.now())
  t.throws(() => statSync(`${output}/${id}`), { code: 'ENOENT' })
  t.ok(statSync(`${output}/${other}`), 'that of another is still there')
})

t.test('many share their syncs, and come in their order', async (t) => {
  const queue = await temporaryQueue(t)
  const ids = Array.from({ length: 200 }, (_, at) => `_20120710213904_${at}_1_h_1`)
  for (const id of ids) putEntry(queue.context.paths.fail, id)
  const results = await all(requeueItems(queue))
  t.strictSame(
    results.map(({ id }) => id),
    ids,
  )
  t.equal(contentsOf(queue)['queue']?.length, 200)
})

t.test('those that requeue at once requeue each item once', async (t) => {
  const queue = await temporaryQueue(t)
  for (let at = 0; at < 300; at++)
    putEntry(queue.context.paths.fail, `_20120710213904_${at}_1_h_1`, String(at))
  const both = await Promise.all([all(requeueItems(queue)), all(requeueItems(queue))])
  const moved = both.flat().filter(({ outcome }) => outcome === 'requeued')
  t.equal(moved.length, 300)
  t.equal(new Set(moved.map(({ id }) => id)).size, 300)
  t.equal(contentsOf(queue)['queue']?.length, 300)
  t.strictSame(contentsOf(queue)['fail'], [])
})

t.test('without renameat2(2) an item is linked, and then unlinked', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await failed(queue, [], 1)
  t.intercept(getNative(), 'renameNoReplace', { value: () => false })
  t.match(await requeue(queue), [['requeued', id]])
  t.equal(contentsOf(queue)['queue']?.length, 1)
  t.strictSame(contentsOf(queue)['fail'], [])
})

t.test('that it is in a queue that is moved away meanwhile is not acknowledged', async (t) => {
  const root = temporaryRoot(t)
  const queue = await root.install('q')
  const id = await failed(queue)
  const native = getNative()
  const rename = native.renameNoReplace.bind(native)
  let calls = 0
  t.intercept(native, 'renameNoReplace', {
    value: (...args: Parameters<typeof rename>) => {
      const moved = rename(...args)
      if (calls++ === 0) renameSync(queue.path, `${root.settings.root}/elsewhere`)
      return moved
    },
  })
  t.strictSame(await requeue(queue), [['left', id, 'FSQ_NO_QUEUE']])
})

t.test('mistakes are told', async (t) => {
  const queue = await temporaryQueue(t)
  const wrong: [options: object, message: RegExp][] = [
    [{ from: 'tmp' }, /Expected fail or done, got tmp/],
    [{ olderThan: -1 }, /Expected `olderThan` in seconds, got -1/],
    [{ mach: 'x' }, /Expected an option of requeue, got mach/],
    [{ ids: [1] }, /Expected the name of an item to be a string, got number/],
  ]
  for (const [options, message] of wrong)
    await t.rejects(all(requeueItems(queue, options)), { name: 'TypeError', message })
  const nosuch = openRoot({ root: queue.context.settings.root }).queue('nosuch')
  await t.rejects(all(requeueItems(nosuch)), { code: 'FSQ_NO_QUEUE' })
  await t.rejects(all(requeueItems(nosuch, { ids: ['a'] })), { code: 'FSQ_NO_QUEUE' })
  const signal = AbortSignal.abort(new Error('enough'))
  await failed(queue)
  await t.rejects(all(requeueItems(queue, { signal })), { message: 'enough' })
  t.equal(contentsOf(queue)['fail']?.length, 1)
})

t.test(
  'in order, an item whose turn is over stays, and one whose turn comes keeps it',
  async (t) => {
    const queue = await temporaryQueue(t)
    const ids = await queue.enqueueMany(Array.from({ length: 5 }, () => ({ ordered: true })))
    const [one = '', two = '', three = '', four = '', five = ''] = ids
    await (await queue.claim(five)).failPerm()
    t.strictSame(await requeue(queue, { fresh: true }), [['left', five, 'FSQ_SEQUENCE']], 'no gap')
    t.strictSame(await requeue(queue), [['requeued', five, five]], 'nobody has begun')
    const scan = queue.scan({ ordered: true })
    for (let count = 0; count < 2; count++) await (await scan.next()).value?.failPerm()
    await scan.return()
    t.equal(fileOf(queue, 'nextseq'), '3\n')
    for (const id of [three, four]) await (await queue.claim(id)).failPerm()
    for (const dryRun of [true, false]) {
      t.strictSame(await requeue(queue, { dryRun }), [
        ...[one, two, three].map((id) => ['left', id, 'FSQ_SEQUENCE']),
        dryRun ? ['would', four, undefined] : ['requeued', four, four],
      ])
    }
    t.strictSame(contentsOf(queue)['fail'], [one, two, three])
    const events: unknown[] = []
    const seen: string[] = []
    for await (const item of queue.scan({
      ordered: true,
      onEvent: (event) => events.push(event),
    })) {
      seen.push(item.id)
      await item.done()
    }
    t.strictSame([seen, events], [[four, five], []], 'nothing lies in the way of whoever works')
  },
)
