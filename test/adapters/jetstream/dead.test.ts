import { connect } from 'node:net'
import t from 'tap'
import { jetstream as client } from '@nats-io/jetstream'
import {
  type DeadLetter,
  forwardItems,
  listDead,
  natsStatus,
  receiveItems,
  removeDead,
  requeueDead,
} from '../../../lib/adapters/jetstream/index.js'
import { eventually } from '../../helpers/cli.js'
import { all } from '../../helpers/collect.js'
import { following, newWay, opened, type Way } from '../../helpers/jetstream.js'
import { natsRelay } from '../../helpers/nats-relay.js'
import { withoutNats } from '../../helpers/nats.js'
import { entriesOf, temporaryQueue } from '../../helpers/temporary.js'

/*
 * Dead letters on a real server: how items come there, and back.
 */

const skip = withoutNats()

async function lettersOf({ jetstream }: Way): Promise<DeadLetter[]> {
  return all(listDead(jetstream, { queue: 'q' }))
}

t.test(
  'an item that is too old comes back, and is received where it is not',
  { skip },
  async (t) => {
    const way = await newWay(t)
    const { near, far, forward, receive, jetstream } = way
    const enqueuedAt = new Date(Date.now() - 3600_000)
    const id = await near.enqueue('x', ['a'], { enqueuedAt })
    await forward({ follow: false }).ended
    t.match(await receive({ ttl: 60, follow: false }).ended, { dead: 1, received: 0 })
    const [letter, ...others] = await lettersOf(way)
    t.strictSame(others, [])
    t.match(letter, { queue: 'q', target: 'any', id, code: 'FSQ_TTL_EXPIRED', deliveries: 1 })
    t.match(await natsStatus(jetstream, ['q']), { dead: 1, queues: [{ depth: 0, dead: 1 }] })
    for await (const { error } of requeueDead(jetstream, [letter?.seq ?? 0]))
      t.equal(error, undefined)
    t.strictSame(await lettersOf(way), [])
    t.match(await receive({ follow: false }).ended, { received: 1 })
    t.strictSame(entriesOf(far.context.paths.queue), [id])
  },
)

t.test('what nobody ever confirmed is dead where it is, and comes back', { skip }, async (t) => {
  const way = await newWay(t, { setup: { ackWait: 1, maxDeliver: 2 } })
  const { near, far, forward, receive, jetstream, connection } = way
  const id = await near.enqueue('deadly', ['a'])
  await forward({ follow: false }).ended
  // Whoever gets it dies of it.
  const consumer = await client(await connection()).consumers.get('FSQ_WORK', 'q_any')
  for (let delivery = 0; delivery < 2; delivery++)
    t.ok(await consumer.next({ expires: 10_000 }), `delivery ${delivery + 1}`)
  t.equal(await consumer.next({ expires: 2000 }), null, 'and then nobody does')
  const letters = await lettersOf(way)
  t.match(letters, [{ queue: 'q', target: 'any', id, deliveries: 2, size: 6 }])
  t.match(letters[0]?.reason, /delivered 2 times, and never confirmed/)
  t.match(await natsStatus(jetstream, ['q']), { dead: 1, queues: [{ depth: 1, dead: 1 }] })
  t.match(await all(requeueDead(jetstream, { queue: 'q' })), [{ letter: { id }, error: undefined }])
  t.match(await receive({ follow: false }).ended, { received: 1 })
  t.strictSame(entriesOf(far.context.paths.queue), [id])
  t.strictSame(await lettersOf(way), [])
  t.match(await natsStatus(jetstream), { queues: [{ depth: 0 }] }, 'nothing is left of it there')
})

t.test('a requeued item of a receiver that is lost is taken over', { skip }, async (t) => {
  const way = await newWay(t, { setup: { ackWait: 1, maxDeliver: 3 } })
  const { near, far, forward, receive, jetstream, connection } = way
  const id = await near.enqueue('x')
  await forward({ follow: false }).ended
  const lost = receive({ ack: 'finished' })
  await lost.until('received')
  await far.claim(id) // So it is not given back.
  await lost.stop()
  const consumer = await client(await connection()).consumers.get('FSQ_WORK', 'q_any')
  for (let delivery = 1; delivery < 3; delivery++) t.ok(await consumer.next({ expires: 10_000 }))
  t.equal(await consumer.next({ expires: 2000 }), null)
  const other = await temporaryQueue(t)
  const receiver = following(t, (told) =>
    receiveItems(other, jetstream, { ack: 'finished', lostAfter: 6, ...told }),
  )
  t.match(await all(requeueDead(jetstream, { queue: 'q' })), [{ letter: { id }, error: undefined }])
  await receiver.until('taken')
  t.strictSame(entriesOf(other.context.paths.queue), [id])
})

t.test('a requeued item that is there meanwhile stays what it is', { skip }, async (t) => {
  const way = await newWay(t)
  const { near, far, forward, receive, jetstream } = way
  const enqueuedAt = new Date(Date.now() - 3600_000)
  const id = await near.enqueue('x', [], { enqueuedAt })
  await forward({ follow: false }).ended
  await receive({ ttl: 60, follow: false }).ended
  await far.receive(id, 'x')
  for await (const { error } of requeueDead(jetstream, {})) t.equal(error, undefined)
  t.match(await receive({ follow: false }).ended, { dead: 0 })
  t.strictSame(entriesOf(far.context.paths.queue), [id])
})

t.test('numbers of no dead letter, and letters of no item, are told', { skip }, async (t) => {
  const { jetstream, connection, receive } = await newWay(t)
  await t.rejects(requeueDead(jetstream, [77]).next(), { code: 'FSQ_NATS', message: /77/ })
  await t.rejects(requeueDead(jetstream, [0]).next(), TypeError)
  await t.rejects(listDead(jetstream, { limit: -1 }).next(), TypeError)
  await client(await connection()).publish('fsq.work.q.any', 'no item')
  t.match(await receive({ follow: false }).ended, { dead: 1 })
  t.match(await all(requeueDead(jetstream, { limit: 5 })), [
    { letter: { code: 'FSQ_NATS_MESSAGE' }, error: { code: 'FSQ_NATS_MESSAGE' } },
  ])
})

t.test('removed letters take with them what is kept of their items', { skip }, async (t) => {
  const way = await newWay(t, {
    nats: { maxPayload: 65_536 },
    setup: { ackWait: 1, maxDeliver: 1 },
  })
  const { near, forward, receive, jetstream, connection, messages } = way
  const enqueuedAt = new Date(Date.now() - 3600_000)
  await near.enqueue('x'.repeat(200_000), ['large'], { enqueuedAt })
  await forward({ follow: false }).ended
  t.match(await receive({ ttl: 60, follow: false }).ended, { dead: 1 })
  const deadly = await near.enqueue('deadly')
  await forward({ follow: false }).ended
  const consumer = await client(await connection()).consumers.get('FSQ_WORK', 'q_any')
  t.ok(await consumer.next({ expires: 10_000 }))
  t.equal(await consumer.next({ expires: 2000 }), null, 'it is delivered once')
  t.ok((await messages('OBJ_fsq_bodies')) > 0)
  const [large, exhausted] = await lettersOf(way)
  t.match(exhausted, { id: deadly })
  for (const letter of [large, exhausted])
    t.match(await all(removeDead(jetstream, [letter?.seq ?? 0])), [letter])
  t.strictSame(await lettersOf(way), [])
  for (const stream of ['FSQ_DEAD', 'FSQ_WORK', 'OBJ_fsq_bodies'])
    t.equal(await messages(stream), 0, stream)
  await t.rejects(removeDead(jetstream, [large?.seq ?? 0]).next(), { code: 'FSQ_NATS' })
})

/** Items that were delivered as often as they may be. */
async function exhausted(way: Way, count: number) {
  const { near, forward, connection } = way
  await near.enqueueMany(Array.from({ length: count }, () => ({ body: 'deadly' })))
  await forward({ follow: false }).ended
  const consumer = await client(await connection()).consumers.get('FSQ_WORK', 'q_any')
  const got = []
  for (let i = 0; i < count; i++) got.push(await consumer.next({ expires: 10_000 }))
  t.equal(await consumer.next({ expires: 2000 }), null)
  return got.flatMap((message) => message ?? [])
}

t.test('of what is confirmed too late nothing is listed, and rm ends it', { skip }, async (t) => {
  const way = await newWay(t, { setup: { ackWait: 1, maxDeliver: 1 } })
  const { jetstream, messages } = way
  const late = await exhausted(way, 4)
  t.match(await natsStatus(jetstream), { queues: [{ dead: 4 }] })
  await Promise.all(late.map((message) => message.ackAck()))
  t.strictSame(await lettersOf(way), [])
  t.match(await natsStatus(jetstream), { queues: [{ dead: 4 }] })
  t.strictSame(await all(removeDead(jetstream, { queue: 'other' })), [])
  t.match(await all(removeDead(jetstream, [1])), [{ seq: 1, reason: /is gone/ }])
  await t.rejects(requeueDead(jetstream, [2]).next(), { code: 'FSQ_NATS', message: /number 2/ })
  t.equal(await messages('FSQ_DEAD'), 2)
  t.strictSame(await all(requeueDead(jetstream, { queue: 'q' })), [])
  t.match(await natsStatus(jetstream), { dead: 0, queues: [{ dead: 0 }] })
})

t.test(
  'letters that come while others are requeued stay for the next time',
  { skip },
  async (t) => {
    const way = await newWay(t)
    const { near, forward, receive, jetstream } = way
    const enqueuedAt = new Date(Date.now() - 3600_000)
    for (let i = 0; i < 3; i++) await near.enqueue('x', [], { enqueuedAt })
    await forward({ follow: false }).ended
    const receiver = receive({ ttl: 60 })
    await receiver.until('dead', 3)
    let requeued = 0
    for await (const { error } of requeueDead(jetstream, {})) {
      t.equal(error, undefined)
      await receiver.until('dead', 3 + ++requeued) // It is a dead letter once more.
    }
    t.equal(requeued, 3)
    t.equal((await lettersOf(way)).length, 3)
  },
)

t.test('a letter whose message may not be removed is not removed', { skip }, async (t) => {
  const way = await newWay(t, { setup: { ackWait: 1, maxDeliver: 1 } })
  const { jetstream, messages, server } = way
  await exhausted(way, 1)
  const relay = await natsRelay(t, server.url, ({ subject }) => {
    if (subject !== '$JS.API.STREAM.MSG.DELETE.FSQ_WORK') return undefined
    const error = { code: 400, err_code: 10057, description: 'message delete not permitted' }
    return { answer: { error } }
  })
  const refused = opened(t, { servers: relay.url })
  await t.rejects(all(removeDead(refused, {})), { code: 'FSQ_NATS', message: /not permitted/ })
  t.equal((await lettersOf(way)).length, 1)
  t.match(await all(removeDead(jetstream, {})), [{ seq: 1 }])
  t.strictSame([await messages('FSQ_DEAD'), await messages('FSQ_WORK')], [0, 0])
})

/** Publishes a message with a header that no client would write, or read. */
async function publishUnreadable(server: Way['server'], subject: string): Promise<void> {
  const header = 'NATS/1.0\r\nFsq Bad\x01Key: x\r\n\r\n'
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.write('CONNECT {"headers":true,"verbose":false}\r\n')
  socket.write(`HPUB ${subject} ${header.length} ${header.length + 1}\r\n${header}!\r\nPING\r\n`)
  let said = ''
  for await (const piece of socket) if ((said += String(piece)).includes('PONG')) break
  t.notMatch(said, /-ERR/)
}

t.test('letters that cannot be read are removed as others', { skip }, async (t) => {
  const { jetstream, messages, server, connection } = await newWay(t)
  for (const subject of ['fsq.dead.q.any', 'fsq.work.q.any'])
    await publishUnreadable(server, subject)
  const advisory = '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.FSQ_WORK.q_any'
  const about = JSON.stringify({ stream: 'FSQ_WORK', stream_seq: 1, deliveries: 1 })
  await client(await connection()).publish(advisory, about)
  const letters = await all(listDead(jetstream))
  const reason = /cannot be read/
  t.match(letters, [
    { seq: 1, reason },
    { seq: 2, reason },
  ])
  for (const { seq } of letters) {
    t.match(await all(requeueDead(jetstream, [seq])), [{ error: { code: 'FSQ_NATS_MESSAGE' } }])
    t.match(await all(removeDead(jetstream, [seq])), [{ seq }])
  }
  t.strictSame([await messages('FSQ_DEAD'), await messages('FSQ_WORK')], [0, 0])
})

t.test('what was given back by a queue of the pool is received by another', { skip }, async (t) => {
  const { near, far, forward, receive, jetstream } = await newWay(t)
  const id = await near.enqueue('x', ['a'])
  await forward({ follow: false }).ended
  await receive({ follow: false }).ended
  t.strictSame(entriesOf(far.context.paths.queue), [id])
  t.match(await forwardItems(far, jetstream, { follow: false }), { forwarded: 1 })
  // The same queue has it in done/, where it began; of a pool it is the claim that counts.
  t.match(await receiveItems(near, jetstream, { follow: false }), { received: 1, repeated: 0 })
  t.strictSame(entriesOf(near.context.paths.queue), [id])
})

t.test('what comes from the pool is not forwarded in circles', { skip }, async (t) => {
  const { near, far, forward, receive, jetstream } = await newWay(t)
  // It begins when nobody has ever received into the queue.
  const forwarder = following(t, (told) => forwardItems(far, jetstream, told))
  await forwarder.until('idle')
  for (let i = 0; i < 5; i++) await near.enqueue('x')
  receive()
  await forward({ follow: false }).ended
  await t.rejects(forwarder.ended, { code: 'FSQ_LOCKED' })
  const { length: there } = entriesOf(far.context.paths.queue)
  await eventually(() => entriesOf(far.context.paths.queue).length === 5)
  t.ok(there <= 5)
})
