import { linkSync, mkdirSync, readdirSync } from 'node:fs'
import { setImmediate, setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { getNative } from '../../lib/posix/native.js'
import type { Queue } from '../../lib/root/queue.js'
import type { Root } from '../../lib/root/root.js'
import { disperseItems, type DisperseOptions } from '../../lib/upkeep/disperse-items.js'
import { place } from '../helpers/cli.js'
import { all } from '../helpers/collect.js'
import { putEntry } from '../helpers/entries.js'
import { lockedDescriptor } from '../helpers/lock.js'
import { contentsOf, temporaryRoot } from '../helpers/temporary.js'

interface Queues {
  readonly root: Root
  readonly from: Queue
  readonly to: readonly [Queue, Queue, Queue]
}

async function queues(t: Test): Promise<Queues> {
  const root = temporaryRoot(t, { durability: 'none' })
  const from = await root.install('from')
  return {
    root,
    from,
    to: [await root.install('a'), await root.install('b'), await root.install('c')],
  }
}

async function fill(queue: Queue, count: number): Promise<string[]> {
  return queue.enqueueMany(Array.from({ length: count }, (_, at) => ({ arguments: [at + 1] })))
}

/** The arguments of the items that wait, in the order in which they are scanned. */
async function waiting(queue: Queue): Promise<string[]> {
  const seen: string[] = []
  for await (const item of queue.scan()) {
    seen.push(item.arguments[0] ?? '')
    item.close()
  }
  return seen
}

/** What went where. */
async function disperse({ from, to }: Queues, options?: DisperseOptions): Promise<string[]> {
  const moved = await all(disperseItems(from, to, options))
  return moved.map(({ to, outcome }) => (outcome === 'moved' ? to : outcome))
}

t.test('a queue that is used in order is not dispersed', async (t) => {
  for (const use of ['seq', 'nextseq']) {
    const here = await queues(t)
    if (use === 'seq') await here.from.enqueue('', ['1'], { ordered: true })
    else for await (const item of here.from.scan({ ordered: true })) item.close()
    const before = contentsOf(here.from)
    t.strictSame(readdirSync(here.from.path).includes(use), true)
    await t.rejects(disperse(here), { code: 'FSQ_SEQUENCE', queue: 'from', message: /in order/ })
    t.strictSame(contentsOf(here.from), before)
  }
})

t.test('nothing is dispersed to a queue that is used in order', async (t) => {
  const here = await queues(t)
  await here.from.enqueue('')
  await here.to[1].enqueue('', [], { ordered: true })
  const before = here.to.map(contentsOf)
  await t.rejects(disperse(here), { code: 'FSQ_SEQUENCE', message: /^cannot move items to b, / })
  t.strictSame(here.to.map(contentsOf), before)
})

t.test('items go where the fewest wait, the oldest first', async (t) => {
  const here = await queues(t)
  const [a, b, c] = here.to
  await fill(b, 2)
  const ids = await fill(here.from, 7)
  t.strictSame(await disperse(here), ['a', 'c', 'a', 'c', 'a', 'b', 'c'])
  t.strictSame(
    [await waiting(a), await waiting(c)],
    [
      ['1', '3', '5'],
      ['2', '4', '7'],
    ],
  )
  t.equal((await waiting(b)).length, 3)
  t.strictSame(contentsOf(here.from)['queue'], [])
  t.ok(
    contentsOf(a)['queue']?.every((id) => ids.includes(id)),
    'under their names',
  )
  t.strictSame(await disperse(here), [])
})

t.test('no more than the limit, and none beyond the depth', async (t) => {
  const here = await queues(t)
  await fill(here.from, 300)
  t.equal((await disperse(here, { limit: 5 })).length, 5)
  t.equal((await disperse(here, { limit: 100, maxDepth: 3 })).length, 4)
  t.equal((await disperse(here, { maxDepth: 3 })).length, 0, 'there is no room')
  t.strictSame(
    here.to.map((queue) => contentsOf(queue)['queue']?.length),
    [3, 3, 3],
  )
  const [a] = here.to
  for await (const item of a.scan({ limit: 2 })) await item.done()
  t.strictSame(await disperse(here, { maxDepth: 3 }), ['a', 'a'])
  t.equal((await disperse(here)).length, 300 - 11)
})

t.test('room that workers make meanwhile is used', async (t) => {
  const here = await queues(t)
  const [a] = here.to
  await fill(here.from, 4)
  const moved: string[] = []
  for await (const { to } of disperseItems(here.from, [a], { maxDepth: 2 })) {
    moved.push(to)
    for await (const item of a.scan()) await item.done()
  }
  t.strictSame(moved, ['a', 'a', 'a', 'a'])
})

t.test('what somebody works on is passed over, and does not count', async (t) => {
  const here = await queues(t)
  const [first = ''] = await fill(here.from, 3)
  lockedDescriptor(t, `${here.from.context.paths.queue}/${first}`)
  t.equal((await disperse(here, { limit: 2 })).length, 2)
  t.strictSame(contentsOf(here.from)['queue'], [first])
})

t.test('what is no item is told, and left', async (t) => {
  const here = await queues(t)
  putEntry(here.from.context.paths.queue, '_malformed')
  mkdirSync(`${here.from.context.paths.queue}/directory`)
  await fill(here.from, 1)
  t.strictSame((await disperse(here)).sort(), ['a', 'left', 'left'])
})

t.test('queues that are down get nothing, and give nothing', async (t) => {
  const here = await queues(t)
  const [a, b, c] = here.to
  await fill(here.from, 4)
  await a.down()
  t.strictSame(await disperse(here, { limit: 2 }), ['b', 'c'])
  await b.down()
  await c.down()
  await t.rejects(disperse(here), { code: 'FSQ_DOWN', message: 'a, b, c are down' })
  t.strictSame(await disperse(here, { ignoreDown: true, limit: 1 }), ['a'])
  await a.up()
  await here.from.down()
  await t.rejects(disperse(here), { code: 'FSQ_DOWN', message: 'from is down' })
})

t.test('an item whose move was cut goes to the same queue again', async (t) => {
  const here = await queues(t)
  const [, b] = here.to
  const [id = ''] = await fill(here.from, 1)
  await fill(b, 3)
  linkSync(`${here.from.context.paths.queue}/${id}`, `${b.context.paths.queue}/${id}`)
  t.strictSame(await disperse(here), ['b'])
  t.equal(contentsOf(b)['queue']?.length, 4)
  t.strictSame(contentsOf(here.from)['queue'], [])
})

t.test('without renameat2(2) items are linked, and then unlinked', async (t) => {
  const here = await queues(t)
  await fill(here.from, 3)
  t.intercept(getNative(), 'renameNoReplace', { value: () => false })
  t.strictSame(await disperse(here), ['a', 'b', 'c'])
  t.strictSame(contentsOf(here.from)['queue'], [])
})

t.test('several that disperse at once, and workers, lose nothing', async (t) => {
  const here = await queues(t)
  const ids = await fill(here.from, 200)
  const done: string[] = []
  const workers = here.to.map((queue) =>
    queue.work((item) => done.push(item.id), { concurrency: 4 }),
  )
  const moved = await Promise.all([disperse(here), disperse(here), disperse(here)])
  t.equal(moved.flat().length, 200, 'each was moved by one of them')
  while (done.length < 200) await setTimeout(5)
  await Promise.all(workers.map((worker) => worker.stop()))
  t.strictSame(done.sort(), ids.sort())
})

t.test('killed again and again, it loses nothing and moves nothing twice', async (t) => {
  const { root, start } = await place(t)
  const names = ['from', 'a', 'b', 'c'] as const
  for (const name of names) await root.install(name)
  const ids = await fill(root.queue('from'), 400)
  const there = (name: string): string[] => readdirSync(root.queue(name).context.paths.queue)
  let cut = 0
  for (let round = 0; there('from').length > 0; round++) {
    const before = there('from').length
    const running = start(['disperse', '-n', '150', ...names])
    const isOver = running.exited.then(() => true)
    // The first are on their way.
    const isIdle = (): boolean => there('from').length === before
    while (isIdle() && !(await Promise.race([isOver, setImmediate(false)]))) continue
    if (round < 4) running.kill('SIGKILL')
    await running.ended
    if (there('from').length > Math.max(0, before - 150)) cut++
    t.strictSame(names.flatMap(there).sort(), ids.toSorted(), 'each is in one queue')
  }
  t.ok(cut > 0, `it was killed ${cut} times in the middle`)
})

t.test('options that mean nothing', async (t) => {
  const { from, to } = await queues(t)
  const [a] = to
  for (const options of [{ limit: -1 }, { maxDepth: 1.5 }, { depth: 1 } as DisperseOptions])
    await t.rejects(all(disperseItems(from, to, options)), TypeError)
  for (const targets of [[], [from], [a, a]])
    await t.rejects(all(disperseItems(from, targets)), TypeError)
  await a.uninstall()
  await t.rejects(all(disperseItems(from, to)), { code: 'FSQ_NO_QUEUE' })
})
