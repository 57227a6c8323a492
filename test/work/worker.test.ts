import { once } from 'node:events'
import { lstatSync, renameSync } from 'node:fs'
import { setImmediate, setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Queue } from '../../lib/root/queue.js'
import type { WorkEvent } from '../../lib/work/events.js'
import type { Handler } from '../../lib/work/run-handler.js'
import type { Worker, WorkOptions } from '../../lib/work/worker.js'
import { close, openEntry } from '../../lib/posix/files.js'
import { getNative } from '../../lib/posix/native.js'
import { contentsOf, nothing, temporaryQueue, temporaryRoot } from '../helpers/temporary.js'

/** A worker that is stopped with the test, and what it told. */
function working(
  t: Test,
  queue: Queue,
  handler: Handler,
  options: WorkOptions = {},
): { worker: Worker; events: WorkEvent[]; seen: (type: string, times?: number) => Promise<void> } {
  const events: WorkEvent[] = []
  const worker = queue.work(handler, { ...options, onEvent: (event) => events.push(event) })
  t.teardown(async () => {
    await worker.kill().catch(() => undefined)
  })
  return { worker, events, seen: (type, times = 1) => seenIn(events, type, times) }
}

/** Events come in their own time; whoever waits for one looks at each turn of the loop. */
async function seenIn(events: WorkEvent[], type: string, times: number): Promise<void> {
  while (events.filter((event) => event.type === type).length < times) await setImmediate()
}

const typesOf = (events: WorkEvent[]): string[] => events.map(({ type }) => type)

for (const trigger of [false, true]) {
  const how = trigger ? 'the trigger' : 'inotify'
  t.test(`items that are there are worked on, and those that come, by ${how}`, async (t) => {
    const queue = await temporaryQueue(t)
    if (trigger) await queue.trigger()
    const there = [await queue.enqueue('', ['a']), await queue.enqueue('', ['b'])]
    const ids: string[] = []
    const { worker, seen, events } = working(t, queue, ({ id }) => ids.push(id))
    await seen('idle')
    t.strictSame(ids, there)
    const come = [await queue.enqueue('', ['c'])]
    if (trigger) await queue.triggerPull()
    await seen('done', 3)
    come.push(await queue.enqueue('', ['d']))
    if (trigger) await queue.triggerPull()
    await seen('done', 4)
    t.strictSame(ids, [...there, ...come])
    t.strictSame(contentsOf(queue), { ...nothing, done: [...ids].sort() })
    t.match(events[0], { type: 'claimed', queue: 'q', id: there[0], tries: 0, waited: Number })
    t.match(events[1], { type: 'done', id: there[0], seconds: Number, outcome: { state: 'done' } })
    t.strictSame(await worker.stop(), { done: 4, failed: 0, retried: 0, left: 0 })
  })
}

t.test('an item goes where the handler sends it', async (t) => {
  const queue = await temporaryQueue(t, { maxTries: 2 })
  const cases: Record<string, [Handler, type: string, error?: string]> = {
    returns: [() => undefined, 'done'],
    'fails it': [(item) => item.failPerm(), 'failed'],
    'finishes it and throws': [
      async (item) => {
        await item.done()
        throw new Error('too late')
      },
      'done',
    ],
    throws: [() => Promise.reject(new Error('not now')), 'retried', 'not now'],
    'throws at once': [
      () => {
        throw new TypeError('oops')
      },
      'retried',
      'oops',
    ],
  }
  const { events, seen } = working(
    t,
    queue,
    (item, context) => cases[item.arguments[0] ?? '']?.[0](item, context),
    { backoff: [3600] },
  )
  for (const [name, [, type, message]] of Object.entries(cases)) {
    const before = events.length
    await queue.enqueue('', [name])
    while (!events.slice(before).some((event) => event.type === type)) await setImmediate()
    const event = events.slice(before).find((each) => each.type === type)
    if (message === undefined) continue
    t.match(event, { error: { code: 'FSQ_HANDLER', message: new RegExp(message) } }, name)
  }
  await seen('retried', 2)
  const waiting = contentsOf(queue)['queue'] ?? []
  t.equal(waiting.length, 2)
  for (const id of waiting)
    t.ok(lstatSync(`${queue.context.paths.queue}/${id}`).mtimeMs > Date.now() + 3000_000, id)
})

t.test('an item that failed is tried again when its time comes', async (t) => {
  const queue = await temporaryQueue(t, { maxTries: 3 })
  const tries: number[] = []
  const handler: Handler = (item) => {
    tries.push(item.tries)
    throw new Error('never')
  }
  const { worker, seen, events } = working(t, queue, handler, { backoff: [0.05] })
  await queue.enqueue('')
  await seen('failed')
  t.strictSame(tries, [0, 1, 2])
  t.match(events.at(-1)?.type === 'idle' ? events.at(-2) : events.at(-1), {
    type: 'failed',
    outcome: { reason: { code: 'FSQ_MAX_TRIES' } },
  })
  t.match(await worker.stop(), { failed: 1, retried: 2 })
})

t.test('work that was delayed begins at its time, not before', async (t) => {
  const queue = await temporaryQueue(t)
  const time = Date.now() + 150
  await queue.enqueue('', [], { notBefore: new Date(time) })
  let began = 0
  const { seen } = working(t, queue, () => (began = Date.now()))
  await seen('done')
  t.ok(began >= time, `${began - time}`)
})

t.test('so many items are worked on at a time, and no more', async (t) => {
  const queue = await temporaryQueue(t, { durability: 'none' })
  for (let i = 0; i < 40; i++) await queue.enqueue('')
  let now = 0
  let most = 0
  const handler: Handler = async () => {
    most = Math.max(most, ++now)
    await setTimeout(2)
    now--
  }
  const { seen } = working(t, queue, handler, { concurrency: 7 })
  await seen('done', 40)
  t.equal(most, 7)
})

t.test('limits of keys hold at a concurrency of 64, and starve no other key', async (t) => {
  const queue = await temporaryQueue(t, { durability: 'none' })
  const keys = ['a', 'b', 'c', 'd', 'e']
  for (let i = 0; i < 60; i++) for (const key of keys) await queue.enqueue('', [key])
  for (let i = 0; i < 10; i++) await queue.enqueue('', [])
  const now = new Map<string, number>()
  const most = new Map<string, number>()
  const handler: Handler = async ({ arguments: [key = ''] }) => {
    now.set(key, (now.get(key) ?? 0) + 1)
    most.set(key, Math.max(most.get(key) ?? 0, now.get(key) ?? 0))
    await setTimeout(1)
    now.set(key, (now.get(key) ?? 0) - 1)
  }
  const { seen } = working(t, queue, handler, {
    concurrency: 64,
    limitKey: (item) => item.arguments[0],
    limitConcurrency: 3,
  })
  await seen('done', 310)
  for (const key of keys) t.equal(most.get(key), 3, key)
  t.ok((most.get('') ?? 0) > 3, 'items without a key are not limited')
})

t.test('a rate holds for each key, and one for all', async (t) => {
  const queue = await temporaryQueue(t)
  for (let i = 0; i < 3; i++) for (const key of ['a', 'b']) await queue.enqueue('', [key])
  const starts: { key: string; at: number }[] = []
  const handler: Handler = ({ arguments: [key = ''] }) =>
    starts.push({ key, at: performance.now() })
  const options = { concurrency: 8, limitConcurrency: 8, limitRate: 20 }
  const { seen } = working(t, queue, handler, { ...options, limitKey: (item) => item.arguments[0] })
  await seen('done', 6)
  for (const key of ['a', 'b']) {
    const times = starts.filter((each) => each.key === key).map(({ at }) => at)
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0))
    for (const gap of gaps) t.ok(gap >= 45, `${key}: ${gap} ms`)
  }
  const other = await temporaryQueue(t)
  for (let i = 0; i < 3; i++) await other.enqueue('')
  const began: number[] = []
  const all = working(t, other, () => began.push(performance.now()), {
    maxRate: 20,
    concurrency: 8,
  })
  await all.seen('done', 3)
  t.ok((began[2] ?? 0) - (began[0] ?? 0) >= 90)
})

t.test('queues take turns by their weights', async (t) => {
  const root = temporaryRoot(t, { durability: 'none' })
  for (const name of ['busy', 'rare']) {
    const queue = await root.install(name)
    for (let i = 0; i < 40; i++) await queue.enqueue('')
  }
  const order: string[] = []
  const worker = root.work([{ queue: 'busy', weight: 3 }, 'rare'], ({ queue }) => order.push(queue))
  while (order.length < 80) await setImmediate()
  await worker.stop()
  const first = order.slice(0, 40)
  t.equal(first.filter((name) => name === 'busy').length, 30)
  t.equal(first.slice(0, 8).filter((name) => name === 'rare').length, 2, 'from the start')
})

t.test('work that takes too long is told so, and is a temporary failure', async (t) => {
  const queue = await temporaryQueue(t, { maxTries: 2 })
  const reasons: unknown[] = []
  const handler: Handler = async (_item, { signal }) => {
    await once(signal, 'abort')
    reasons.push(signal.reason)
    signal.throwIfAborted()
  }
  const { seen, events } = working(t, queue, handler, { timeout: 0.05, backoff: [3600] })
  await queue.enqueue('')
  await seen('retried')
  t.match(reasons, [{ code: 'FSQ_TIMEOUT', queue: 'q' }])
  t.match(events.at(-1)?.type === 'retried' ? events.at(-1) : events.at(-2), {
    type: 'retried',
    error: { code: 'FSQ_TIMEOUT' },
  })
})

t.test('a handler that does not end is given up after the grace', async (t) => {
  const queue = await temporaryQueue(t)
  let calls = 0
  const handler: Handler = async () => {
    if (++calls === 1) await new Promise(() => undefined)
  }
  const { seen } = working(t, queue, handler, { timeout: 0.05, grace: 0.05 })
  await queue.enqueue('')
  await seen('failed')
  await queue.enqueue('')
  await seen('done')
  t.equal(calls, 2, 'the next item has its turn')
})

t.test('a stop waits for the work at hand, and begins no other', async (t) => {
  const queue = await temporaryQueue(t)
  const ids = [await queue.enqueue(''), await queue.enqueue('')]
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  const { worker, seen } = working(t, queue, () => gate)
  await seen('claimed')
  const stopped = worker.stop()
  release()
  t.match(await stopped, { done: 1, left: 0 })
  t.strictSame(contentsOf(queue), { ...nothing, done: [ids[0]], queue: [ids[1]] })
  t.strictSame(await worker.stop(), await stopped, 'stopping twice is harmless')
})

for (const how of ['drain', 'kill', 'signal'] as const) {
  t.test(`work that is not over in time stays in the queue: ${how}`, async (t) => {
    const queue = await temporaryQueue(t)
    const id = await queue.enqueue('')
    const controller = new AbortController()
    let reason: unknown
    const handler: Handler = async (_item, { signal }) => {
      await once(signal, 'abort')
      reason = signal.reason
      await new Promise(() => undefined) // It does not listen.
    }
    const options = { drain: 0.05, grace: 0.05, signal: controller.signal }
    const { worker, seen, events } = working(t, queue, handler, options)
    await seen('claimed')
    if (how === 'drain') void worker.stop()
    if (how === 'kill') void worker.kill()
    if (how === 'signal') controller.abort()
    t.match(await worker.ended, { done: 0, left: 1 })
    t.match(reason, { code: 'FSQ_STOPPED' })
    t.ok(typesOf(events).includes('left'))
    t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
    using item = await queue.claim(id)
    t.equal(item.tries, 0, 'no try is spent, and the lock is free')
  })
}

t.test('a queue that is down rests, and goes on when it is up, without a sweep', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.down()
  const { seen, events } = working(t, queue, () => undefined, { sweep: 3600 })
  await seen('down')
  await queue.enqueue('')
  await queue.up()
  await seen('done')
  await queue.down()
  await queue.enqueue('')
  await seen('down', 2)
  t.strictSame(
    typesOf(events).filter((type) => ['down', 'up', 'done'].includes(type)),
    ['down', 'up', 'done', 'down'],
  )
  await queue.up()
  await seen('done', 2)
})

t.test('a trigger that is made while it works is listened to', async (t) => {
  const queue = await temporaryQueue(t)
  const { seen } = working(t, queue, () => undefined, { sweep: 3600 })
  await seen('idle')
  await queue.trigger()
  while (
    await queue.triggerPull().then(
      () => false,
      () => true,
    )
  )
    await setImmediate()
  await queue.enqueue('')
  await queue.triggerPull()
  await seen('done')
  await queue.untrigger()
  await setTimeout(20)
  await queue.enqueue('')
  await seen('done', 2)
})

t.test('one pull is enough for two workers: who has enough to do wakes the other', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.trigger()
  const never: Handler = async (_item, { signal }) => once(signal, 'abort')
  const options = { sweep: 3600, drain: 0, grace: 0 }
  const workers = [working(t, queue, never, options), working(t, queue, never, options)]
  for (const { seen } of workers) await seen('idle')
  await queue.enqueueMany([{}, {}, {}])
  await queue.triggerPull()
  for (const { seen } of workers) await seen('claimed')
  t.pass('both have an item')
})

t.test('a lock that fell is found by the sweep', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('')
  const lock = openEntry(`${queue.context.paths.queue}/${id}`)
  t.ok(getNative().flock(lock))
  const { seen, events } = working(t, queue, () => undefined, { sweep: 0.05 })
  await seen('idle')
  t.notOk(typesOf(events).includes('claimed'))
  close(lock)
  await seen('done')
})

t.test('a queue that goes away is an error, told once, and its return is noticed', async (t) => {
  const queue = await temporaryQueue(t)
  const { directory } = queue.context.paths
  const { seen, events, worker } = working(t, queue, () => undefined, { sweep: 0.02 })
  let emitted = 0
  worker.on('error', () => emitted++)
  await seen('idle')
  renameSync(directory, `${directory}.away`)
  await seen('error')
  await setTimeout(100)
  t.equal(events.filter(({ type }) => type === 'error').length, 1)
  t.match(
    events.find(({ type }) => type === 'error'),
    { queue: 'q', error: { code: 'FSQ_NO_QUEUE' } },
  )
  t.equal(emitted, 1)
  renameSync(`${directory}.away`, directory)
  await queue.enqueue('')
  await seen('done')
})

t.test('malformed entries and spent items are told of like in a scan', async (t) => {
  const queue = await temporaryQueue(t, { ttl: 60 })
  await queue.enqueue('', [], { enqueuedAt: new Date(0) })
  const { seen, events } = working(t, queue, () => t.fail('nothing to work on'))
  await seen('expired')
  t.match(events[0], { type: 'expired', error: { code: 'FSQ_TTL_EXPIRED' } })
})

t.test('what an option throws ends the worker', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  const oops = new Error('a key that cannot be told')
  const worker = queue.work(() => undefined, {
    limitKey: () => {
      throw oops
    },
  })
  await t.rejects(worker.ended, oops)
})

t.test('bad options are refused at once', async (t) => {
  const queue = await temporaryQueue(t)
  const bad: Record<string, object> = {
    concurrency: { concurrency: 0 },
    'concurrency of 1.5': { concurrency: 1.5 },
    sweep: { sweep: 0 },
    timeout: { timeout: -1 },
    grace: { grace: 'soon' },
    drain: { drain: NaN },
    maxRate: { maxRate: -1 },
    limitConcurrency: { limitConcurrency: 0 },
    backoff: { backoff: [-1] },
    'a backoff of nothing': { backoff: [] },
    signal: { signal: {} },
    jitter: { backoff: { base: 1, jitter: 2 } },
    'a maximum below the base': { backoff: { base: 2, max: 1 } },
    limitKey: { limitKey: 'customer' },
    unknown: { concurency: 4 },
  }
  for (const [name, options] of Object.entries(bad))
    t.throws(() => queue.work(() => undefined, options), TypeError, name)
  const root = temporaryRoot(t)
  t.throws(() => root.work(['none'], () => undefined), { code: 'FSQ_NO_QUEUE' })
  t.throws(() => root.work([], () => undefined), TypeError)
  for (const handler of [undefined, 'handler']) {
    const message = /^Expected a handler to be a function/
    t.throws(() => queue.work(handler as never), { name: 'TypeError', message })
    t.throws(() => root.queue('q', {}).work(handler as never), { name: 'TypeError', message })
  }
})

t.test('a worker is disposed of by `await using`, and keeps no watch', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.trigger()
  {
    await using worker = queue.work(() => undefined)
    await once(worker, 'idle')
  }
  await t.rejects(queue.triggerPull(), { code: 'FSQ_NO_LISTENER' })
})
