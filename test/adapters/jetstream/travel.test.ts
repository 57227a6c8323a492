import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { Objm } from '@nats-io/obj'
import { jetstream as streams } from '@nats-io/jetstream'
import t from 'tap'
import { receiveItems, setupQueues } from '../../../lib/adapters/jetstream/index.js'
import { eventually } from '../../helpers/cli.js'
import { collect, idsOf } from '../../helpers/collect.js'
import { following, newWay, opened } from '../../helpers/jetstream.js'
import { natsRelay } from '../../helpers/nats-relay.js'
import { withoutNats } from '../../helpers/nats.js'
import { contentsOf, entriesOf, nothing } from '../../helpers/temporary.js'

/*
 * Items from a queue here to one elsewhere, through a real server.
 */

const skip = withoutNats()

t.test(
  'items arrive under their names, with their bytes, and are done here',
  { skip },
  async (t) => {
    const { near, far, forward, receive } = await newWay(t, { setup: { hosts: ['h 1'] } })
    const bodies = ['', 'text', Buffer.from([0, 255, 10, 13]), Buffer.alloc(1_000_000, 'x')]
    for (const [to, host] of [
      ['any', undefined],
      ['h 1', 'h 1'],
    ] as const) {
      const sent = new Map<string, Buffer>()
      for (const [i, body] of bodies.entries())
        sent.set(await near.enqueue(body, [to, i, 'ä/% :=\n']), Buffer.from(body))
      const result = await forward({ to, follow: false }).ended
      t.strictSame(result, { forwarded: bodies.length, refused: 0, left: 0 })
      const receiver = receive({ follow: false, ...(host === undefined ? {} : { host }) })
      t.match(await receiver.ended, { received: bodies.length, repeated: 0, dead: 0, returned: 0 })
      const { items } = await collect(far)
      const arrived = new Map<string, Buffer>()
      for (const item of items) arrived.set(item.id, Buffer.from(await item.bytes()))
      t.strictSame(new Map([...arrived].sort()), new Map([...sent].sort()), to)
      for (const item of items) await item.done()
    }
    t.strictSame(contentsOf(near), { ...nothing, done: entriesOf(near.context.paths.done) })
    t.equal(entriesOf(near.context.paths.done).length, 2 * bodies.length)
  },
)

t.test('what comes later travels at once, and ends with the signal', { skip }, async (t) => {
  const { near, far, forward, receive } = await newWay(t)
  const [forwarder, receiver] = [forward(), receive()]
  for (let i = 1; i <= 3; i++) {
    const id = await near.enqueue('body')
    await receiver.until('received', i)
    t.ok(entriesOf(far.context.paths.queue).includes(id))
  }
  t.match(await forwarder.stop(), { forwarded: 3, refused: 0, left: 0 })
  t.match(await receiver.stop(), { received: 3, repeated: 0, dead: 0 })
  t.strictSame(
    receiver.events.filter(({ type }) => type === 'error'),
    [],
  )
})

t.test('what is no item is in fail/, and told by its name', { skip }, async (t) => {
  const { near, forward } = await newWay(t)
  const id = await near.enqueue('body')
  const malformed = ['_directory', '_file']
  mkdirSync(`${near.context.paths.queue}/_directory`)
  writeFileSync(`${near.context.paths.queue}/_file`, '')
  const forwarder = forward({ follow: false })
  t.strictSame(await forwarder.ended, { forwarded: 1, refused: 2, left: 0 })
  t.strictSame(contentsOf(near), { ...nothing, done: [id], fail: malformed })
  const refused = forwarder.events.filter(({ type }) => type === 'refused')
  t.match(
    refused.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
    malformed.map((id) => ({ queue: 'q', id, error: { code: 'FSQ_MALFORMED' } })),
  )
})

t.test('what arrived before is not there twice, even where it is finished', { skip }, async (t) => {
  const { near, far, forward, receive } = await newWay(t, { setup: { duplicateWindow: 1 } })
  const receiver = receive()
  const id = await near.enqueue('body')
  await forward({ follow: false }).ended
  await receiver.until('received')
  for (const finish of [false, true]) {
    if (finish) await (await far.claim(id)).done()
    await near.receive(id, 'body')
    await new Promise((resolve) => setTimeout(resolve, 1100)) // The window of the server.
    await forward({ follow: false }).ended
    await receiver.until('repeated', finish ? 2 : 1)
  }
  t.strictSame(contentsOf(far), { ...nothing, done: [id] })
  t.equal(receiver.count('received'), 1)
})

t.test('an item that waits for a time waits for it there', { skip }, async (t) => {
  const { near, far, forward, receive } = await newWay(t)
  const notBefore = new Date(Date.now() + 3000)
  const id = await near.enqueue('body', [], { notBefore })
  const receiver = receive()
  await forward({ follow: false }).ended
  await receiver.until('received')
  t.strictSame(await idsOf(far), [], 'not yet')
  t.equal(
    Math.abs(statSync(`${far.context.paths.queue}/${id}`).mtimeMs - notBefore.getTime()) < 2,
    true,
  )
  const worker = far.work(() => undefined)
  t.teardown(() => worker.stop())
  await new Promise((resolve) => worker.once('done', resolve))
  t.ok(Date.now() >= notBefore.getTime() - 1)
})

t.test('a body that no message holds travels apart, and is removed there', { skip }, async (t) => {
  const way = await newWay(t, { nats: { maxPayload: 65_536 } })
  const { near, far, forward, receive } = way
  const bodies = [60_000, 65_536, 3_000_000].map((size) => Buffer.alloc(size, `${size} `))
  const ids = await near.enqueueMany(bodies.map((body) => ({ body })))
  t.match(await forward({ follow: false }).ended, { forwarded: 3 })
  const store = await new Objm(streams(await way.connection())).open('fsq_bodies')
  t.equal((await store.list()).length, 3)
  t.match(await receive({ follow: false }).ended, { received: 3 })
  for (const [i, id] of ids.entries()) {
    const item = await far.claim(id)
    t.ok(bodies[i]?.equals(Buffer.from(await item.bytes())), `${bodies[i]?.length} bytes`)
    item.close()
  }
  t.strictSame(await store.list(), [])
  t.equal(await way.messages('OBJ_fsq_bodies'), 0, 'not even what says that they were removed')
})

t.test('a queue that is down is neither forwarded nor received into', { skip }, async (t) => {
  const { near, far, forward, receive, messages } = await newWay(t)
  const [forwarder, receiver] = [forward({ sweep: 0.2 }), receive()]
  await near.down()
  await forwarder.until('down')
  const first = await near.enqueue('one')
  t.equal(await messages('FSQ_WORK'), 0)
  await far.down()
  await receiver.until('down')
  await near.up()
  await forwarder.until('forwarded')
  t.strictSame(contentsOf(far), nothing)
  t.equal(await messages('FSQ_WORK'), 1)
  await far.up()
  await receiver.until('received')
  t.strictSame(contentsOf(far), { ...nothing, queue: [first] })
  t.equal(forwarder.count('down'), 1)
  t.equal(receiver.count('down'), 1)
  t.match([...forwarder.events, ...receiver.events].filter(({ type }) => type === 'up').length, 2)
})

t.test('a queue that goes down while items are asked for is down', { skip }, async (t) => {
  const { server, far } = await newWay(t)
  let asked = 0
  const relay = await natsRelay(t, server.url, ({ subject }) => {
    // First it looks whether there is anything to receive from; then it is about to ask.
    if (subject.startsWith('$JS.API.CONSUMER.INFO') && ++asked === 2) void far.down()
    return undefined
  })
  const began = performance.now()
  const jetstream = opened(t, { servers: relay.url })
  const receiver = following(t, (told) => receiveItems(far, jetstream, told))
  await receiver.until('down')
  t.equal(asked, 2)
  t.ok(performance.now() - began < 15_000, 'before it is asked again')
})

t.test('a receiver holds no more than it is told to', { skip }, async (t) => {
  const { near, far, forward, receive } = await newWay(t)
  await near.enqueueMany(Array.from({ length: 20 }, () => ({ body: 'body' })))
  await forward({ follow: false }).ended
  const receiver = receive({ depth: 5 })
  const { queue, done } = far.context.paths
  await receiver.until('full')
  t.equal(entriesOf(queue).length, 5)
  let most = 0
  const worker = far.work(() => {
    most = Math.max(most, entriesOf(queue).length)
  })
  t.teardown(() => worker.stop())
  await receiver.until('received', 20)
  await eventually(() => entriesOf(done).length === 20)
  t.ok(most <= 5, `${most} at most`)
  t.ok(receiver.count('room') >= 1)
})

t.test('two receivers of a pool share its items', { skip }, async (t) => {
  const { near, far, forward, receive, jetstream } = await newWay(t)
  const there = await newWay(t) // Only for its queue.
  const ids = await near.enqueueMany(Array.from({ length: 100 }, () => ({ body: 'body' })))
  const one = receive({ as: 'one', depth: 60 })
  const ending = new AbortController()
  const other = receiveItems(there.far, jetstream, { as: 'two', depth: 60, signal: ending.signal })
  t.teardown(async () => {
    ending.abort()
    await other
  })
  await forward({ follow: false }).ended
  const has = (): string[] =>
    [far, there.far].flatMap((queue) => entriesOf(queue.context.paths.queue)).sort()
  await eventually(() => has().length >= 100)
  t.strictSame(has(), [...ids].sort())
  await one.stop()
})

t.test('one receiver of a queue at a time', { skip }, async (t) => {
  const { near, forward, receive } = await newWay(t)
  const first = receive()
  await near.enqueue('body')
  await forward({ follow: false }).ended
  await first.until('received')
  await t.rejects(receive().ended, { code: 'FSQ_LOCKED' })
  await first.stop()
  await receive({ follow: false }).ended
})

t.test('without a stream for the queue it is told to set it up', { skip }, async (t) => {
  const { near, forward, receive, server, jetstream } = await newWay(t)
  await near.enqueue('body')
  t.ok(await setupQueues(jetstream, ['other']))
  const missing = { code: 'FSQ_NATS_SETUP', message: /fsq nats setup/ }
  await t.rejects(forward({ to: 'nobody', follow: false }).ended, missing)
  await t.rejects(receive({ host: 'nobody', follow: false }).ended, missing)
  t.equal(entriesOf(near.context.paths.queue).length, 1)
  t.ok(server.pid())
})
