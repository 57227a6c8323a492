import { renameSync, rmSync, utimesSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { Queue } from '../../lib/root/queue.js'
import { type TemporaryRoot, temporaryRoot } from '../../lib/testing/temporary-root.js'
import { type Fed, Feed, type UnclaimedItem } from '../../lib/work/feed.js'
import type { Handler } from '../../lib/work/run-handler.js'
import { type KeyLimitOptions, KeyLimits } from '../../lib/work/key-limits.js'
import { lockedDescriptor } from '../helpers/lock.js'
import { contentsOf } from '../helpers/temporary.js'

interface Fixture {
  readonly root: TemporaryRoot
  readonly queue: Queue
  /** A feed of the queue; with limits, the key of an item is its first argument. */
  readonly feedWith: (options?: {
    window?: number
    once?: boolean
    limits?: KeyLimitOptions
    onLook?: (item: UnclaimedItem) => void
  }) => Feed
}

async function fixture(t: Test): Promise<Fixture> {
  const root = temporaryRoot()
  t.teardown(() => {
    root.remove()
  })
  const queue = await root.install('q')
  return {
    root,
    queue,
    feedWith({ window = 10_000, once = false, limits, onLook } = {}) {
      const keys =
        limits &&
        new KeyLimits(limits, (key) => {
          feed.unpark(key)
        })
      t.teardown(() => keys?.[Symbol.dispose]())
      const feed: Feed = new Feed(queue.context, {
        claim: { lock: true, open: true, limits: { maxTries: 0, ttl: 0 } },
        ignoreDown: false,
        window,
        once,
        keys,
        keyOf:
          limits &&
          ((item) => {
            onLook?.(item)
            return item.arguments[0]
          }),
        onEvent: () => undefined,
      })
      return feed
    },
  }
}

/** The next item, and the end of the work on it, which leaves it in the queue. */
async function pass(feed: Feed): Promise<string | undefined> {
  const fed = await feed.next()
  if (fed === undefined) return undefined
  close(fed)
  return fed.item.id
}

function close(fed: Fed): void {
  fed.item.close()
  fed.feed.release(fed)
}

/** All that can be worked on now, also what a sweep finds behind all other. */
async function passAll(feed: Feed): Promise<string[]> {
  const ids: string[] = []
  do {
    for (let id = await pass(feed); id !== undefined; id = await pass(feed)) ids.push(id)
  } while (feed.isLooking)
  return ids
}

const pathOf = (queue: Queue, id: string): string => `${queue.context.paths.queue}/${id}`

/** As touch(1) does. */
function setTime(queue: Queue, id: string, time: Date): void {
  utimesSync(pathOf(queue, id), time, time)
}

const inAnHour = (): Date => new Date(Date.now() + 3600_000)

t.test('items that are known to wait take no room in a window', async (t) => {
  const { queue, feedWith } = await fixture(t)
  for (let i = 0; i < 5; i++) await queue.enqueue('', [], { notBefore: inAnHour() })
  const feed = feedWith({ window: 2 })
  feed.wake()
  t.equal(await pass(feed), undefined)
  const id = await queue.enqueue('', [], { enqueuedAt: new Date(0) })
  feed.wake()
  t.equal(await pass(feed), id)
  t.notOk(feed.hasMore, 'that was all')
})

t.test('nor do those of keys that have enough work', async (t) => {
  const { queue, feedWith } = await fixture(t)
  for (let i = 0; i < 5; i++) await queue.enqueue('', ['a'])
  const feed = feedWith({ window: 2, limits: { concurrency: 1, rate: 0 } })
  feed.wake()
  const first = await feed.next()
  t.equal(await feed.next(), undefined)
  await first?.item.success()
  const other = await queue.enqueue('', ['b'], { enqueuedAt: new Date(0) })
  feed.wake()
  t.equal(await pass(feed), other)
  t.notOk(feed.hasMore, 'that was all')
})

t.test(
  'an item whose time is changed is found: at once if it is told, else by the sweep',
  async (t) => {
    const { queue, feedWith } = await fixture(t)
    const feed = feedWith()
    const ids: string[] = []
    for (let i = 0; i < 3; i++) ids.push(await queue.enqueue('', [], { notBefore: inAnHour() }))
    const [told = '', untold = '', later = ''] = ids
    feed.wake()
    t.strictSame(await passAll(feed), [])
    setTime(queue, told, new Date())
    feed.wake(told)
    t.strictSame(await passAll(feed), [told])
    setTime(queue, untold, new Date())
    const time = new Date(Date.now() + 7200_000)
    setTime(queue, later, time)
    feed.wake()
    t.notOk((await passAll(feed)).includes(untold), 'a pull does not look at what waits')
    feed.sweep()
    t.ok((await passAll(feed)).includes(untold))
    t.ok(Math.abs((feed.nextTime ?? 0) - time.getTime()) < 2, 'the time of another is the new one')
  },
)

t.test('a sweep that looks at many gives other queues their turns', async (t) => {
  const { queue, feedWith } = await fixture(t)
  const notBefore = inAnHour()
  const ids = await queue.enqueueMany(Array.from({ length: 700 }, () => ({ notBefore })))
  const feed = feedWith()
  feed.sweep()
  t.strictSame(await passAll(feed), [])
  feed.sweep()
  t.equal(await feed.next(), undefined)
  t.ok(feed.isLooking)
  const last = ids.at(-1) ?? ''
  setTime(queue, last, new Date())
  t.strictSame(await passAll(feed), [last])
  feed.sweep()
  await queue.down()
  t.equal(await feed.next(), undefined)
  t.notOk(feed.isLooking, 'a queue that is down is not looked at')
  t.equal(feed.nextTime, undefined)
})

t.test('an item that is to wait is held where its mtime does not say so', async (t) => {
  const { root, queue, feedWith } = await fixture(t)
  const feed = feedWith()
  const id = await queue.enqueue('')
  const time = new Date(root.clock.now() + 60_000)
  feed.postpone(id, time)
  feed.wake()
  feed.wake(id)
  feed.sweep()
  t.strictSame(await passAll(feed), [])
  t.equal(feed.nextTime, time.getTime())
  root.clock.advance(60)
  t.strictSame(await passAll(feed), [id])
})

t.test(
  'an item that is to wait, and whose mtime says so, waits as long as that does',
  async (t) => {
    const { queue, feedWith } = await fixture(t)
    const feed = feedWith()
    const notBefore = inAnHour()
    const id = await queue.enqueue('', [], { notBefore })
    feed.postpone(id, notBefore)
    t.ok(Math.abs((feed.nextTime ?? 0) - notBefore.getTime()) < 2)
    feed.wake(id)
    t.strictSame(await passAll(feed), [])
    setTime(queue, id, new Date())
    feed.wake(id)
    t.strictSame(await passAll(feed), [id])
  },
)

for (const told of [true, false]) {
  const how = told ? 'told by name' : 'met by a pass'
  t.test(
    `a name that is another item's before the work on the first is over: ${how}`,
    async (t) => {
      const { queue, feedWith } = await fixture(t)
      const id = await queue.enqueue('')
      const feed = feedWith()
      feed.wake()
      const fed = await feed.next()
      await fed?.item.success()
      renameSync(`${queue.context.paths.done}/${id}`, pathOf(queue, id)) // fsq requeue --done
      feed.wake(told ? id : undefined)
      t.equal(await feed.next(), undefined)
      if (fed) feed.release(fed)
      t.equal(await pass(feed), id)
      t.equal(await pass(feed), undefined)
    },
  )
}

t.test('what we do to an item ourselves does not make us work on it again', async (t) => {
  const { queue, feedWith } = await fixture(t)
  const id = await queue.enqueue('')
  const feed = feedWith()
  feed.wake()
  const fed = await feed.next()
  const { id: next = '' } = (await fed?.item.failTmp({ notBefore: inAnHour() })) ?? {}
  feed.wake(id)
  feed.wake(next)
  if (fed) feed.release(fed)
  feed.postpone(next, inAnHour())
  feed.wake(next)
  t.strictSame(await passAll(feed), [])
  t.strictSame(contentsOf(queue)['queue'], [next])
})

t.test('the rate of a key is not spent on what others have', async (t) => {
  const { queue, feedWith } = await fixture(t)
  for (let i = 0; i < 3; i++) lockedDescriptor(t, pathOf(queue, await queue.enqueue('', ['a'])))
  const free = await queue.enqueue('', ['a'])
  const feed = feedWith({ limits: { concurrency: 1, rate: 1 } })
  feed.wake()
  t.equal(await pass(feed), free)
})

t.test('a rate keeps the order of a key', async (t) => {
  const { root, queue } = await fixture(t)
  const ids: string[] = []
  for (let i = 0; i < 6; i++) ids.push(await queue.enqueue('', ['a']))
  const order: string[] = []
  const load = { concurrency: 8, limitConcurrency: 8, limitRate: 100 }
  await new Promise<void>((resolve) => {
    const handler: Handler = ({ id }) => {
      if (order.push(id) === 6) resolve()
    }
    const worker = root.work(['q'], handler, { ...load, limitKey: (item) => item.arguments[0] })
    t.teardown(() => worker.kill())
  })
  t.strictSame(order, ids)
})

t.test(
  'a queue that is gone through once has none twice, however many wait for their key',
  async (t) => {
    const { queue, feedWith } = await fixture(t)
    const count = 10_010
    await queue.enqueueMany(Array.from({ length: count }, () => ({ arguments: ['a'] })))
    for (const window of [Infinity, 20_000, 1000]) {
      const feed = feedWith({ window, once: true, limits: { concurrency: 1, rate: 0 } })
      feed.wake()
      const first = await feed.next()
      t.equal(await feed.next(), undefined)
      if (first) close(first)
      const rest = await passAll(feed)
      t.equal(rest.length, count - 1)
      t.equal(new Set(rest).size, rest.length)
      t.notOk(feed.hasParked)
    }
  },
)

/** Items of one key, which may be more than are remembered. */
async function enqueueMany(queue: Queue, count: number): Promise<string[]> {
  return queue.enqueueMany(Array.from({ length: count }, () => ({ arguments: ['a'] })))
}

t.test('what others have is looked at once, however many wait for another key', async (t) => {
  const { queue, feedWith } = await fixture(t)
  const [, second] = await enqueueMany(queue, 10_002)
  lockedDescriptor(t, pathOf(queue, await queue.enqueue('', ['b'])))
  let looks = 0
  const feed = feedWith({
    limits: { concurrency: 1, rate: 0 },
    onLook: ({ arguments: [key] }) => {
      if (key === 'b' && ++looks > 9) throw new Error('it is looked at again and again')
    },
  })
  feed.wake()
  const first = await feed.next()
  t.equal(await feed.next(), undefined)
  t.equal(looks, 1)
  if (first) close(first)
  t.equal(await pass(feed), second)
  t.equal(looks, 1)
})

for (const left of [0, 1]) {
  t.test(
    `when of those that are remembered ${left} are left, the others have their turn`,
    async (t) => {
      const { queue, feedWith } = await fixture(t)
      const ids = await enqueueMany(queue, 10_004)
      const feed = feedWith({ limits: { concurrency: 2, rate: 0 } })
      feed.wake()
      const begun = [await feed.next(), await feed.next()]
      t.equal(await feed.next(), undefined)
      const next = 10_002 - left
      for (const id of ids.slice(2, next)) rmSync(pathOf(queue, id))
      for (const fed of begun) {
        await fed?.item.success()
        if (fed) feed.release(fed)
      }
      const then = [await feed.next(), await feed.next()].map((fed) => fed?.item.id)
      t.strictSame(then, ids.slice(next, next + 2))
    },
  )
}
