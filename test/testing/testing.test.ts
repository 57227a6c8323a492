import { spawnSync } from 'node:child_process'
import { existsSync, renameSync, unlinkSync } from 'node:fs'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { z } from 'zod'
import {
  assertItem,
  assertNoItem,
  drain,
  itemsOf,
  type TemporaryRoot,
  temporaryRoot,
} from '../../lib/testing/index.js'

const minute = 60
const hour = 60 * minute

function rootOf(t: Test, options: Parameters<typeof temporaryRoot>[0] = {}): TemporaryRoot {
  const root = temporaryRoot(options)
  t.teardown(() => {
    root.remove()
  })
  return root
}

t.test('a root is there until it is removed', async (t) => {
  const root = temporaryRoot({ maxTries: 7 })
  const { root: path } = root.settings
  t.match(root.settings, { maxTries: 7, durability: 'none' })
  await root.install('q')
  t.ok(existsSync(`${path}/q/queue`))
  root.remove()
  t.notOk(existsSync(path))
  root.remove() // A second time does no harm.
  const within = (): string => {
    using other = temporaryRoot()
    t.ok(existsSync(other.settings.root))
    return other.settings.root
  }
  t.notOk(existsSync(within()), 'gone at the end of its block')
})

t.test('settings of no use leave nothing behind', async (t) => {
  t.throws(() => temporaryRoot({ maxTries: -1 }), TypeError)
  t.throws(() => temporaryRoot({ charset: 'no such charset' }), { code: 'FSQ_COERCE' })
})

t.test('the environment does not change a test', async (t) => {
  t.intercept(process, 'env', { value: { ...process.env, FSQ_MAX_TRIES: '9', FSQ_DELIMITER: '-' } })
  t.match(rootOf(t).settings, { maxTries: 1, delimiter: '_' })
})

t.test('a root that nobody removes goes with its process', async (t) => {
  const script = `
    const { temporaryRoot } = await import(${JSON.stringify(new URL('../../dist/testing/index.js', import.meta.url).href)})
    const root = temporaryRoot()
    await root.install('q')
    console.log(root.settings.root)`
  const words = ['--input-type=module', '-e', script]
  const { stdout, stderr, status } = spawnSync('env', ['-i', process.execPath, ...words], {
    encoding: 'utf8',
  })
  t.strictSame({ status, stderr }, { status: 0, stderr: '' })
  t.match(stdout, /fsq-test-/)
  t.notOk(existsSync(stdout.trim()))
})

t.test('drain works on all that is there, and on what the handler enqueues', async (t) => {
  const queue = await rootOf(t).install('q')
  await queue.enqueueMany([1, 2, 3].map((n) => ({ body: `${n}` })))
  const seen: string[] = []
  const result = await drain(queue, async (item) => {
    const body = await item.text()
    seen.push(body)
    if (body === '2') await queue.enqueue('4')
  })
  t.strictSame(seen.sort(), ['1', '2', '3', '4'])
  t.match(result, { done: 4, failed: 0, retried: 0, left: 0 })
  t.equal(result.events.filter(({ type }) => type === 'done').length, 4)
  await assertNoItem(queue, 'queue')
  t.equal((await itemsOf(queue, 'done')).length, 4)
  t.match(await drain(queue, () => t.fail('nothing is left')), { done: 0 })
})

t.test('what cannot be finished is an event, too, and left', async (t) => {
  const queue = await rootOf(t).install('q')
  const { paths } = queue.context
  const gone = await queue.enqueue('', ['gone'])
  const first = await drain(queue, async ({ id }) => {
    if (id === gone) unlinkSync(`${paths.queue}/${id}`)
    if (id === gone) await queue.enqueue('', ['follows'])
  })
  t.match(first, { done: 1, left: 0 })
  t.match(first.events[1], { type: 'error', id: gone, error: { code: 'FSQ_NO_ITEM' } })
  await assertItem(queue, 'done', { arguments: ['follows'] })
  const id = await queue.enqueue('', ['stays'])
  const [there, away] = [paths.done, `${paths.directory}/away`]
  const { done, events } = await drain(
    queue,
    () => {
      renameSync(there, away)
    },
    {
      onEvent: ({ type }) => {
        if (type === 'error') renameSync(away, there)
      },
    },
  )
  t.equal(done, 0)
  t.match(events[1], { type: 'error', id, error: { code: 'FSQ_NO_QUEUE' } })
  await assertItem(queue, 'queue', { arguments: ['stays'], tries: 0 })
})

t.test('a failure is an event, its next try waits for the clock', async (t) => {
  const root = rootOf(t, { maxTries: 3 })
  const queue = await root.install('q')
  await queue.enqueue('x', ['alice'])
  const fails = (): never => {
    throw new Error('no route to host')
  }
  const { retried, events } = await drain(queue, fails, { backoff: [hour] })
  t.equal(retried, 1)
  const failure = events.find(({ type }) => type === 'retried')
  t.match(failure, { error: { code: 'FSQ_HANDLER', message: /no route to host$/ } })
  const waiting = await assertItem(queue, 'queue', { arguments: ['alice'], tries: 1 })
  t.ok(waiting.notBefore && waiting.notBefore.getTime() > root.clock.now() + 59 * minute * 1000)
  t.match(await drain(queue, fails), { retried: 0 }, 'it is not due')
  root.clock.advance(hour)
  t.match(await drain(queue, fails, { backoff: [hour] }), { retried: 1 }, 'it is')
  root.clock.advance(hour)
  t.match(await drain(queue, fails, { backoff: [hour] }), { failed: 1 }, 'for the last time')
  await assertItem(queue, 'fail', { body: 'x', tries: 2 })
})

t.test('the clock moves on delays, times to live and workers that wait', async (t) => {
  const root = rootOf(t, { ttl: 10 * minute })
  const queue = await root.install('q')
  const notBefore = new Date(Date.now() + 5 * minute * 1000) // As an application has it.
  await queue.enqueue('', ['delayed'], { notBefore })
  const worker = queue.work(() => undefined)
  t.teardown(async () => worker.stop())
  await once(worker, 'idle')
  const done = once(worker, 'done')
  root.clock.advance(5 * minute)
  await done
  await worker.stop()
  await queue.enqueue('', ['late'])
  root.clock.advance(11 * minute)
  const { events } = await drain(queue, () => t.fail('too late'))
  t.match(events, [{ type: 'expired' }])
  await assertItem(queue, 'fail', { arguments: ['late'] })
  t.throws(() => {
    root.clock.advance(-1)
  }, RangeError)
  const [item] = await itemsOf(queue, 'done')
  t.equal(item?.notBefore, undefined, 'what is done does not wait')
})

t.test('typed queues too', async (t) => {
  const root = rootOf(t)
  await root.install('q')
  const queue = root.queue('q', { body: z.object({ to: z.string() }) })
  await queue.enqueue({ to: 'alice' })
  await queue.queue.enqueue('no JSON')
  await assertItem(queue, 'queue', { body: { to: 'alice' } })
  const seen: string[] = []
  const { events } = await drain(queue, ({ body }) => {
    seen.push(body.to)
  })
  t.strictSame(seen, ['alice'])
  t.match(
    events.find(({ type }) => type === 'failed'),
    { error: { code: 'FSQ_INVALID' } },
  )
})

t.test('an assertion that does not hold says what there is', async (t) => {
  const queue = await rootOf(t).install('q')
  const none = {
    name: 'AssertionError',
    message: 'q/queue has no item with { tries: 1 }: it is empty',
  }
  await t.rejects(assertItem(queue, 'queue', { tries: 1 }), none)
  await queue.enqueue('{"a":1}', ['x', 1])
  await assertItem(queue, 'queue', { arguments: ['x', 1], body: { a: 1 }, tries: 0 })
  for (const expected of [{ arguments: ['x'] }, { body: 'b' }, { body: { a: 2 } }, { tries: 1 }]) {
    await t.rejects(assertItem(queue, 'queue', expected), {
      message: /it has an item:\n.*arguments: \[ 'x', '1' \], body: '{"a":1}', tries: 0/,
    })
    await assertNoItem(queue, 'queue', expected)
  }
  const misspelt = { args: ['x'] } as object
  await t.rejects(assertItem(queue, 'queue', misspelt), TypeError)
  await t.rejects(assertNoItem(queue, 'queue', misspelt), TypeError)
  await t.rejects(assertNoItem(queue, 'queue'), { message: /^q\/queue has an item:/ })
  await t.rejects(assertItem(queue, 'done'), { message: /is empty$/ })
})
