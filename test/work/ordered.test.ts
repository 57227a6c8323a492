import t, { type Test } from 'tap'
import type { Queue } from '../../lib/root/queue.js'
import type { WorkEvent } from '../../lib/work/events.js'
import type { Worker, WorkOptions } from '../../lib/work/worker.js'
import { eventually } from '../helpers/cli.js'
import { fileOf, numbersIn } from '../helpers/ordered.js'
import { temporaryQueue } from '../helpers/temporary.js'

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
