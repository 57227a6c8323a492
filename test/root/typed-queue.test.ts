import { once } from 'node:events'
import t from 'tap'
import { z } from 'zod'
import { contentsOf, nothing, temporaryRoot } from '../helpers/temporary.js'

/** Whether two types are the same: each can stand for the other, and neither is any. */
type Same<A, B> = [A, B, 0 extends 1 & A ? false : true] extends [B, A, true] ? true : false

/** Compiles only where the types are the same. */
function same<A, B>(isSame: Same<A, B>): void {
  t.ok(isSame)
}

const mail = {
  arguments: z.tuple([z.enum(['welcome', 'invoice']), z.coerce.number<number>()]),
  body: z.object({
    to: z.email(),
    at: z.iso.datetime().transform((text) => new Date(text)),
  }),
}
const at = '2026-11-21T10:00:00Z'

t.test('zod types and checks both ends', async (t) => {
  const root = temporaryRoot(t)
  await root.install('mail')
  const queue = root.queue('mail', mail)
  same<Parameters<typeof queue.enqueue>[0], { to: string; at: string }>(true)
  same<Parameters<typeof queue.enqueue>[1], ['welcome' | 'invoice', number]>(true)
  const id = await queue.enqueue({ to: 'alice@example.org', at }, ['welcome', 7])
  t.match(id, /_welcome_7$/)
  let count = 0
  for await (const { item, arguments: args, body } of queue.scan()) {
    same<typeof args, ['welcome' | 'invoice', number]>(true)
    same<typeof body, { to: string; at: Date }>(true)
    t.strictSame(args, ['welcome', 7])
    t.strictSame(body, { to: 'alice@example.org', at: new Date(at) })
    await item.done()
    count++
  }
  t.equal(count, 1)

  const refused = { code: 'FSQ_INVALID', queue: 'mail', exitStatus: 111 }
  // @ts-expect-error: a part of the body is missing
  await t.rejects(queue.enqueue({ at }, ['welcome', 7]), {
    ...refused,
    message: /the body .*: to: /,
  })
  // @ts-expect-error: no such argument
  await t.rejects(queue.enqueue({ to: 'a@b.org', at }, ['other', 7]), {
    ...refused,
    message: /^cannot accept the arguments of an item for mail: 0: /,
  })
  await t.rejects(queue.enqueue({ to: 'nobody', at }, ['welcome', 7]), refused)
  // @ts-expect-error: arguments are needed
  await t.rejects(queue.enqueue({ to: 'a@b.org', at }), refused)
  t.strictSame(contentsOf(queue.queue)['queue'], [], 'nothing was enqueued')
})

t.test('two functions need no type for what they decode', async (t) => {
  const root = temporaryRoot(t)
  await root.install('mail')
  const queue = root.queue('mail', {
    arguments: { encode: (day: number) => [String(day)], decode: ([day]) => Number(day) },
    body: {
      encode: (at: Date) => at.toISOString(),
      decode: async (bytes) => Promise.resolve(new Date(Buffer.from(bytes).toString())),
    },
  })
  same<Parameters<typeof queue.enqueue>[0], Date>(true)
  same<Parameters<typeof queue.enqueue>[1], number>(true)
  await queue.enqueue(new Date(at), 7)
  for await (const { item, arguments: day, body } of queue.scan()) {
    same<typeof day, number>(true)
    same<typeof body, Date>(true)
    t.strictSame([day, body], [7, new Date(at)])
    await item.done()
  }
  t.equal(contentsOf(queue.queue)['done']?.length, 1)
})

t.test('what is no codec is refused, with what would be one', async (t) => {
  const root = temporaryRoot(t)
  // @ts-expect-error: a misspelt part
  t.throws(() => root.queue('mail', { ...mail, boddy: mail.body }), { name: 'TypeError' })
  for (const body of [5, null, {}, { encode: String }])
    t.throws(() => root.queue('mail', { body } as never), {
      name: 'TypeError',
      message: 'Expected a codec to be a Standard Schema, or to have encode and decode',
    })
})

t.test('an item that is not valid fails permanently, with the reason', async (t) => {
  const root = temporaryRoot(t, { maxTries: 0 })
  const plain = await root.install('mail')
  const queue = root.queue('mail', mail)
  const bad = [
    await plain.enqueue('no JSON', ['welcome', 1]),
    await plain.enqueue(JSON.stringify({ to: 'a@b.org', at }), ['welcome']),
    await plain.enqueue(Buffer.from([0xff]), ['welcome', 1]),
  ]
  const good = await queue.enqueue({ to: 'a@b.org', at }, ['invoice', 1])
  const events: unknown[] = []
  for await (const { item } of queue.scan({ onEvent: (event) => events.push(event) }))
    t.equal(item.id, good)
  t.match(
    events,
    bad.map((id) => ({ type: 'invalid', queue: 'mail', id, error: { code: 'FSQ_INVALID', id } })),
  )
  t.strictSame(contentsOf(plain), { ...nothing, queue: [good], fail: [...bad].sort() })
})

t.test('two functions', async (t) => {
  const root = temporaryRoot(t)
  await root.install('q')
  const queue = root.queue('q', {
    arguments: {
      encode: (at: Date) => [at.getTime()],
      decode: ([at]: readonly string[]) => new Date(Number(at)),
    },
    body: {
      encode: (numbers: readonly number[]) => Uint8Array.from(numbers),
      decode: (bytes: Uint8Array) => {
        if (bytes.includes(0)) throw new Error('a zero')
        return [...bytes]
      },
    },
  })
  same<Parameters<typeof queue.enqueue>[0], readonly number[]>(true)
  same<Parameters<typeof queue.enqueue>[1], Date>(true)
  await queue.enqueue([1, 2, 255], new Date(42))
  await queue.enqueue([1, 0], new Date(43))
  const seen: unknown[] = []
  const failed: unknown[] = []
  const worker = queue.work(
    ({ item, arguments: at, body }, { signal }) => {
      same<typeof at, Date>(true)
      same<typeof body, number[]>(true)
      seen.push([item.tries, at.getTime(), body, signal.aborted])
    },
    { maxTries: 3 },
  )
  worker.on('failed', ({ error, outcome }) =>
    failed.push([error?.code, outcome.state, error?.message]),
  )
  await once(worker, 'idle')
  t.match(await worker.stop(), { done: 1, failed: 1, retried: 0 })
  t.strictSame(seen, [[0, 42, [1, 2, 255], false]])
  t.match(failed, [['FSQ_INVALID', 'fail', /the body of item .*: a zero$/]])
})

t.test('a handler that enqueues what is not valid fails temporarily', async (t) => {
  const root = temporaryRoot(t, { maxTries: 0 })
  await root.install('mail')
  await root.install('orders')
  const mail = root.queue('mail', { body: z.object({ to: z.string() }) })
  const orders = root.queue('orders', { body: z.number() })
  await orders.enqueue(1)
  const foreign = await mail.queue.enqueue('no JSON')
  const enqueues = (): Promise<string> => mail.enqueue({} as { to: string })
  const reads = async (): Promise<unknown> => mail.decode(await mail.queue.claim(foreign))
  for (const handler of [enqueues, () => orders.enqueue(NaN), reads]) {
    const worker = orders.work(handler, { backoff: [0] })
    t.teardown(async () => worker.kill())
    const ended = await Promise.race([once(worker, 'retried'), once(worker, 'failed')])
    await worker.kill()
    t.match(ended, [{ error: { code: 'FSQ_HANDLER', cause: { code: 'FSQ_INVALID' } } }])
  }
})

t.test('a host queue has items that are not valid, too', async (t) => {
  const root = temporaryRoot(t, { maxTries: 5 })
  const plain = await root.install('q')
  const host = await plain.installHost('a').then(() => plain.host('a'))
  const id = await host.enqueue('no JSON')
  const worker = root.queue('q', { body: z.number() }).work(() => undefined, { host: 'a' })
  t.teardown(async () => worker.kill())
  t.match(await once(worker, 'failed'), [{ error: { code: 'FSQ_INVALID', id } }])
})

t.test('a part that is left out takes any text, or any JSON', async (t) => {
  const root = temporaryRoot(t)
  await root.install('q')
  const queue = root.queue('q', { arguments: z.array(z.string()).max(1) })
  await queue.enqueue({ a: [1, null] }, ['x'])
  await queue.enqueue('text')
  const other = root.queue('q', { body: z.unknown() })
  const seen: unknown[] = []
  for await (const { arguments: args, body } of other.scan()) {
    same<typeof args, readonly string[]>(true)
    seen.push([args, body])
  }
  t.strictSame(seen, [
    [['x'], { a: [1, null] }],
    [[], 'text'],
  ])
  await t.rejects(queue.enqueue(undefined), { code: 'FSQ_INVALID', message: /as JSON/ })
  t.throws(() => root.queue('q', { body: {} as never }), TypeError)
  t.throws(() => root.queue('q', { bdy: 1 } as never), {
    message: /got bdy; there are arguments, body/,
  })
})

t.test('keys and other options reach the queue', async (t) => {
  const root = temporaryRoot(t)
  await root.install('q')
  const queue = root.queue('q', { body: z.number() })
  const id = await queue.enqueue(1, [], { id: 'key' })
  t.equal(await queue.enqueue(2, [], { id: 'key' }), id)
})
