import { renameSync, utimesSync } from 'node:fs'
import { basename } from 'node:path'
import t, { type Test } from 'tap'
import type { Queue } from '../../lib/root/queue.js'
import type { WorkEvent } from '../../lib/work/events.js'
import { OrderedFeed } from '../../lib/work/ordered-feed.js'
import type { Worker, WorkOptions } from '../../lib/work/worker.js'
import { eventually } from '../helpers/cli.js'
import { fileOf, numbersIn } from '../helpers/ordered.js'
import { contentsOf, temporaryQueue } from '../helpers/temporary.js'

const ordered = true

async function fill(queue: Queue, ...numbers: readonly number[]): Promise<void> {
  for (const sequence of numbers) await queue.enqueue('', [String(sequence)], { sequence })
}

/** A worker that notes what it works on, and what it tells, and is stopped with the test. */
function work(
  t: Test,
  queue: Queue,
  options: WorkOptions = {},
  handler: (argument: string, tries: number) => unknown = () => undefined,
): { worker: Worker; seen: string[]; events: WorkEvent[] } {
  const seen: string[] = []
  const events: WorkEvent[] = []
  const worker = queue.work(
    async (item) => {
      const [argument = ''] = item.arguments
      seen.push(argument)
      await handler(argument, item.tries)
    },
    { ordered, concurrency: 4, onEvent: (event) => events.push(event), ...options },
  )
  t.teardown(() => worker.stop().catch(() => undefined))
  return { worker, seen, events }
}

t.test('a worker takes items one at a time, in the order of their numbers', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 3, 1, 2)
  let running = 0
  const { worker, seen, events } = work(t, queue, {}, async () => {
    t.equal(++running, 1)
    await new Promise((resolve) => setImmediate(resolve))
    running--
  })
  await eventually(() => numbersIn(queue, 'done').length === 3)
  await fill(queue, 5)
  await eventually(() => events.some(({ type }) => type === 'waiting'))
  await fill(queue, 4)
  await eventually(() => numbersIn(queue, 'done').length === 5)
  t.match(await worker.stop(), { done: 5 })
  t.strictSame(seen, ['1', '2', '3', '4', '5'])
  t.equal(fileOf(queue, 'nextseq'), '6\n')
  t.strictSame(
    events.filter(({ type }) => type === 'error'),
    [],
  )
})

t.test('an item that is tried again is next until it is done', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1, 2)
  const { worker, seen } = work(t, queue, { maxTries: 0, backoff: [0.02] }, (argument, tries) => {
    if (argument === '1' && tries < 3) throw new Error('not now')
  })
  await eventually(() => numbersIn(queue, 'done').length === 2)
  t.match(await worker.stop(), { done: 2, retried: 3 })
  t.strictSame(seen, ['1', '1', '1', '1', '2'])
})

const ends: readonly {
  readonly what: string
  readonly act: (queue: Queue, id: string) => unknown
  readonly then: readonly string[]
}[] = [
  {
    what: 'it is touched',
    act: ({ context }, id) => {
      utimesSync(`${context.paths.queue}/${id}`, new Date(), new Date())
    },
    then: ['1', '1', '2'],
  },
  {
    what: 'it is done by name',
    act: async (queue, id) => (await queue.claim(id)).done(),
    then: ['1', '2'],
  },
  {
    what: 'it is moved to fail/ by hand',
    act: ({ context: { paths } }, id) => {
      renameSync(`${paths.queue}/${id}`, `${paths.fail}/${id}`)
    },
    then: ['1', '2'],
  },
]

for (const { what, act, then } of ends)
  t.test(`the wait of an item for another try ends when ${what}`, async (t) => {
    const queue = await temporaryQueue(t)
    await fill(queue, 1, 2)
    const options = { maxTries: 0, backoff: [3600] }
    const { seen, events } = work(t, queue, options, (argument, tries) => {
      if (argument === '1' && tries === 0) throw new Error('not now')
    })
    await eventually(() => events.some(({ type }) => type === 'idle'))
    t.strictSame(seen, ['1'])
    await act(queue, contentsOf(queue)['queue']?.find((id) => id.endsWith('_1_1')) ?? '')
    await eventually(() => numbersIn(queue, 'done').includes(2n))
    t.strictSame(seen, then)
  })

t.test('an item that cannot show that it waits does so until it is gone', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1, 2)
  const path = `${queue.context.paths.queue}/${contentsOf(queue)['queue']?.[0]}`
  const feed = new OrderedFeed(queue.context, {
    claim: { lock: true, open: true, limits: { maxTries: 0, ttl: 0 } },
    ignoreDown: false,
    gapTimeout: undefined,
    once: false,
    onEvent: () => undefined,
  })
  t.teardown(async () => feed.close())
  feed.wake()
  const fed = await feed.next()
  fed?.item.close()
  if (fed !== undefined) feed.release(fed)
  const time = new Date(Date.now() + 3600_000)
  feed.postpone(basename(path), time)
  t.equal(feed.nextTime, time.getTime())
  utimesSync(path, new Date(), new Date())
  feed.wake(basename(path))
  t.equal(await feed.next(), undefined)
  renameSync(path, path.replace('/queue/', '/fail/'))
  feed.wake(basename(path))
  const second = await feed.next()
  t.strictSame(second?.item.arguments, ['2'])
  second?.item.close()
})

t.test('a worker gives a number up when its time is over', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 2)
  const { worker, seen, events } = work(t, queue, { gapTimeout: 0.2 })
  await eventually(() => numbersIn(queue, 'done').length === 1)
  await worker.stop()
  t.strictSame(seen, ['2'])
  const types = events.map(({ type }) => type).filter((type) => /waiting|skipped/.test(type))
  t.strictSame(types, ['waiting', 'skipped'])
})

t.test('an item is worked on when its time comes, and then those behind it', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('', ['1'], { sequence: 1, notBefore: new Date(Date.now() + 200) })
  await fill(queue, 2)
  const { seen } = work(t, queue)
  await eventually(() => numbersIn(queue, 'done').length === 2)
  t.strictSame(seen, ['1', '2'])
})

t.test('a second worker stands by, and takes over', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1)
  const first = work(t, queue)
  await eventually(() => numbersIn(queue, 'done').length === 1)
  const second = work(t, queue, { sweep: 0.05 })
  await eventually(() => second.events.some(({ type }) => type === 'error'))
  await fill(queue, 2)
  await eventually(() => numbersIn(queue, 'done').length === 2)
  t.strictSame(second.seen, [])
  await first.worker.stop()
  await fill(queue, 3)
  await eventually(() => numbersIn(queue, 'done').length === 3)
  t.strictSame(second.seen, ['3'])
  const errors = second.events.filter(({ type }) => type === 'error')
  t.match(errors, [{ error: { code: 'FSQ_LOCKED' } }], 'it is told once')
  t.equal(errors.length, 1)
})

t.test('two items with one number stop a worker until one of them is gone', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1)
  const extra = await queue.enqueue('', ['other'], { sequence: 1 })
  const { seen, events } = work(t, queue, { sweep: 0.05 })
  await eventually(() => events.some((event) => event.type === 'error' && event.id === undefined))
  t.strictSame(seen, [])
  await (await queue.claim(extra)).fail()
  await fill(queue, 2)
  await eventually(() => numbersIn(queue, 'done').length === 2)
  t.strictSame(seen, ['1', '2'])
})

t.test(
  'a program runs for each item in order, and an item to be tried again ends it',
  async (t) => {
    const queue = await temporaryQueue(t)
    await fill(queue, 2, 1, 3)
    const result = await queue.exec(['sh', '-c', '[ "$1" != 2 ] || exit 111', 'sh'], {
      ordered,
      maxTries: 0,
    })
    t.strictSame(result, { count: 2 })
    t.strictSame(numbersIn(queue, 'done'), [1n])
    t.equal(fileOf(queue, 'nextseq'), '2\n')
    t.strictSame(await queue.exec(['true'], { ordered, maxTries: 0 }), { count: 2 })
    t.equal(fileOf(queue, 'nextseq'), '4\n')
  },
)

t.test('a program that is killed fails its item, and the next is next', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1, 2)
  const killed = queue.exec(['sh', '-c', 'kill -9 $$', 'sh'], { ordered })
  await t.rejects(killed, { code: 'FSQ_PROGRAM_KILLED' })
  t.equal(fileOf(queue, 'nextseq'), '2\n')
  t.strictSame(numbersIn(queue, 'fail'), [1n])
})

t.test('while somebody else works on the queue in order, no program is run', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1, 2)
  const scan = queue.scan({ ordered })
  await scan.next()
  await t.rejects(queue.exec(['true'], { ordered }), { code: 'FSQ_LOCKED' })
  await scan.return()
})

t.test('keys, and items that are left as they are, do not go with an order', async (t) => {
  const queue = await temporaryQueue(t)
  t.throws(() => queue.work(() => undefined, { ordered, limitKey: () => 'a' }), TypeError)
  t.throws(() => queue.work(() => undefined, { gapTimeout: 1 }), TypeError)
  await t.rejects(queue.exec(['true'], { ordered, noDone: true }), TypeError)
})
