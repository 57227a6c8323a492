import { jetstreamManager } from '@nats-io/jetstream'
import { EventEmitter, once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Delivery } from '../../../lib/adapters/jetstream/engine.js'
import { setupQueues } from '../../../lib/adapters/jetstream/index.js'
import { JetStreamEngine } from '../../../lib/adapters/jetstream/jetstream-engine.js'
import { workStream } from '../../../lib/adapters/jetstream/layout.js'
import { consumerOf, subjectOf } from '../../../lib/adapters/jetstream/subject.js'
import { eventually } from '../../helpers/cli.js'
import { newWay } from '../../helpers/jetstream.js'
import { withoutNats } from '../../helpers/nats.js'
import { entriesOf } from '../../helpers/temporary.js'

/*
 * A stream, or a consumer, that is removed and made anew while items are worked on that came by the old one: both begin
 * to count with one again.
 */

const skip = withoutNats()

/** A way, with an engine, of which the stream or the consumer can be made anew. */
async function place(t: Test) {
  const way = await newWay(t)
  const { jetstream, connection, messages } = way
  const manager = await jetstreamManager(await connection())
  const engine = new JetStreamEngine(jetstream)
  const source = { queue: 'q', host: undefined }
  return {
    ...way,
    engine,
    left: () => messages(workStream),
    publish: async (messageId: string) => {
      const subject = subjectOf('work', 'q', undefined)
      await engine.publish({ subject, messageId, headers: {}, body: Buffer.from(messageId) })
    },
    deliver: async (): Promise<Delivery> => {
      const events = new EventEmitter()
      const delivered = once(events, 'delivery') as Promise<[Delivery]>
      const pull = await engine.pull(source, 30, {
        onDelivery: (delivery) => events.emit('delivery', delivery),
        onLapse: () => undefined,
        onEnd: (error) => events.emit('error', error),
      })
      pull.ask(1)
      const [delivery] = await delivered
      await pull.end()
      return delivery
    },
    makeAnew: async (what: 'stream' | 'consumer') => {
      if (what === 'stream') await manager.streams.delete(workStream)
      else await manager.consumers.delete(workStream, consumerOf('q', undefined))
      await setupQueues(jetstream, ['q'])
    },
  }
}

t.test('what an old stream delivered confirms nothing of a new one', { skip }, async (t) => {
  const { engine, left, publish, deliver, makeAnew } = await place(t)
  await publish('old')
  const old = await deliver()
  await makeAnew('stream')
  await publish('new')
  const { handle } = await deliver()
  await setTimeout(1000) // Until then it is confirmed without a look.
  await old.confirm()
  await engine.answerable(old.handle).confirm()
  t.equal(await left(), 1)
  t.strictSame([await engine.keeps(old.handle), await engine.keeps(handle)], [false, true])
  await engine.answerable(handle).confirm()
  t.equal(await left(), 0)
})

t.test('what an old consumer delivered confirms the very same message', { skip }, async (t) => {
  const { engine, left, publish, deliver, makeAnew } = await place(t)
  for (const each of ['first', 'second', 'third']) await publish(each)
  await (await deliver()).confirm()
  const second = await deliver()
  await makeAnew('consumer')
  const again = await deliver()
  t.equal(again.message, second.message)
  const third = await deliver()
  t.equal(Buffer.from(third.body).toString(), 'third')
  await engine.answerable(second.handle).confirm()
  t.equal(await left(), 1)
  await engine.answerable(again.handle).confirm()
  t.ok(await engine.keeps(third.handle))
})

t.test(
  'before a new consumer has delivered a message, the old one can be confirmed',
  { skip },
  async (t) => {
    const { engine, left, publish, deliver, makeAnew } = await place(t)
    await publish('first')
    await publish('second')
    const first = await deliver()
    await makeAnew('consumer')
    await engine.answerable(first.handle).confirm()
    t.equal(await left(), 1)
    const second = await deliver()
    t.equal(Buffer.from(second.body).toString(), 'second')
  },
)

t.test('an item that ends has the number of another by then', { skip }, async (t) => {
  const { near, far, forward, receive, left, makeAnew } = await place(t)
  const old = await near.enqueue('old')
  await forward({ follow: false }).ended
  const first = receive({ ack: 'finished' })
  await first.until('received')
  const item = await far.claim(old)
  await first.stop()
  await makeAnew('stream')
  const other = await near.enqueue('other')
  await forward({ follow: false }).ended
  const second = receive({ ack: 'finished' })
  await second.until('received')
  const kept = (): string[] => entriesOf(`${far.path}/.incoming/linked`)
  await item.done()
  await eventually(() => !kept().includes(old))
  t.equal(await left(), 1, 'the other is confirmed only when it is finished')
  await (await far.claim(other)).done()
  await eventually(() => kept().length === 0)
  t.equal(await left(), 0)
})
