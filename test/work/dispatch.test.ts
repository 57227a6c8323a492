import { utimesSync } from 'node:fs'
import { setImmediate, setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Dispatch } from '../../lib/work/dispatch.js'
import { Feed } from '../../lib/work/feed.js'
import { KeyLimits } from '../../lib/work/key-limits.js'
import { nothing, contentsOf, temporaryQueue, temporaryRoot } from '../helpers/temporary.js'
import { overflowing } from '../helpers/timers.js'

for (const weight of [9, 1]) {
  t.test(`what a queue of weight ${weight} did alone is not held against it`, async (t) => {
    const root = temporaryRoot(t, { durability: 'none' })
    const busy = await root.install('busy')
    const quiet = await root.install('quiet')
    const add = async (queue: typeof busy, count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await queue.enqueue('')
    }
    await add(busy, 200)
    const order: string[] = []
    const both = new Promise<void>((resolve) => {
      const worker = root.work([{ queue: 'busy', weight }, 'quiet'], async ({ queue }) => {
        order.push(queue)
        if (order.length === 200) {
          await add(busy, 100)
          await add(quiet, 100)
          await setTimeout(50) // For inotify to tell.
        }
        if (order.length === 260) resolve()
      })
      t.teardown(() => worker.kill())
    })
    await both
    const after = order
      .slice(200, 260)
      .map((queue) => (queue === 'quiet' ? 'q' : 'b'))
      .join('')
    const longest = Math.max(...(after.match(/q+/g) ?? []).map(({ length }) => length))
    t.ok(longest <= 2, after)
    const rounds = after.slice(10, 10 + 5 * (weight + 1))
    t.equal(rounds.replaceAll('b', '').length, 5, after)
  })
}

/** Has each item done at once, one after the other. */
function dispatchOf(
  t: Test,
  feed: Feed,
  onPause: (why: string) => void = () => undefined,
  onError: (error: unknown) => void = (error) => t.fail(String(error)),
): Dispatch {
  return new Dispatch({
    feeds: [{ feed, weight: 1 }],
    job: {
      run: () => Promise.resolve({ returned: true }),
      timeout: 0,
      grace: 0,
      onEvent: () => undefined,
    },
    concurrency: 1,
    maxRate: 0,
    limit: 0,
    onEnd: () => undefined,
    onPause,
    onError,
  })
}

t.test('it goes on until a sweep has looked at all that wait', async (t) => {
  const queue = await temporaryQueue(t, { durability: 'none' })
  const notBefore = new Date(Date.now() + 3600_000)
  const ids = await queue.enqueueMany(Array.from({ length: 1200 }, () => ({ notBefore })))
  const feed = new Feed(queue.context, {
    claim: { lock: true, open: true, limits: { maxTries: 0, ttl: 0 } },
    ignoreDown: false,
    window: 10_000,
    onEvent: () => undefined,
  })
  const pauses: string[] = []
  const dispatch = dispatchOf(t, feed, (why) => pauses.push(why))
  const sweep = async (): Promise<void> => {
    feed.sweep()
    dispatch.pump()
    await dispatch.idle()
  }
  await sweep()
  const changed = ids.at(-1) ?? ''
  utimesSync(`${queue.context.paths.queue}/${changed}`, new Date(), new Date())
  pauses.length = 0
  await sweep()
  t.strictSame(contentsOf(queue)['done'], [changed])
  t.strictSame(pauses.slice(-1), ['empty'])
})

t.test('a rate of one in months is no busy loop', async (t) => {
  const queue = await temporaryQueue(t)
  const ids = [await queue.enqueue(''), await queue.enqueue('')]
  const worker = queue.work(() => undefined, { maxRate: 1e-7 })
  t.teardown(() => worker.kill())
  const warnings = await overflowing(async () => {
    while (contentsOf(queue)['done']?.length !== 1) await setImmediate()
  })
  t.strictSame(warnings, [])
  t.strictSame(contentsOf(queue), { ...nothing, done: [ids[0]], queue: [ids[1]] })
})

t.test('what comes while it is about to rest is begun', async (t) => {
  // The end of another job may be told of between any two microtasks.
  for (let later = 0; later < 40; later++) {
    let isThere = false
    let hasSeen = false
    const feed = {
      next: async () => {
        if (isThere) hasSeen = true
        return undefined
      },
    } as unknown as Feed
    const dispatch = dispatchOf(t, feed)
    dispatch.pump()
    for (let i = 0; i < later; i++) await Promise.resolve()
    isThere = true
    dispatch.pump()
    await setImmediate()
    t.ok(hasSeen, `after ${later} microtasks`)
  }
})

t.test('a failure that the next item would meet as well is no busy loop, with keys', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  using keys = new KeyLimits({ concurrency: 1, rate: 0 }, (key) => {
    feed.unpark(key)
    dispatch.pump()
  })
  const feed: Feed = new Feed(queue.context, {
    claim: {
      get lock(): boolean {
        throw Object.assign(new Error('too many open files'), { code: 'EMFILE' })
      },
      open: true,
      limits: { maxTries: 0, ttl: 0 },
    },
    ignoreDown: false,
    window: 10_000,
    keys,
    keyOf: () => 'a',
    onEvent: () => undefined,
  })
  const errors: unknown[] = []
  const dispatch: Dispatch = dispatchOf(t, feed, undefined, (error) => {
    if (errors.push(error) > 9) dispatch.stop()
  })
  feed.wake()
  dispatch.pump()
  await dispatch.idle()
  t.match(errors, [{ code: 'FSQ_SCAN' }])
  t.equal(errors.length, 1)
})
