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
import { following, newWay, type Way } from '../../helpers/jetstream.js'
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
