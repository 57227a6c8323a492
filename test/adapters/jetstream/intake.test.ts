import t, { type Test } from 'tap'
import { receiveItems } from '../../../lib/adapters/jetstream/index.js'
import { receiveFrom } from '../../../lib/adapters/jetstream/receive.js'
import type { ReceiveItemsOptions } from '../../../lib/adapters/jetstream/receive-options.js'
import { eventually } from '../../helpers/cli.js'
import { following, newWay } from '../../helpers/jetstream.js'
import { withoutNats } from '../../helpers/nats.js'
import { scriptedEngine } from '../../helpers/scripted-engine.js'
import { entriesOf, temporaryQueue } from '../../helpers/temporary.js'

/*
 * What is asked for ahead of what is landed: how much, and what becomes of it in the end.
 */

const skip = withoutNats()

async function place(t: Test, count: number) {
  const queue = await temporaryQueue(t, { durability: 'none' })
  const engine = scriptedEngine('q')
  let asked = 0
  engine.events.on('pull', (count: number) => (asked += count))
  const handles = Array.from({ length: count }, (_, i) => {
    return engine.deliver({ id: `_20261122101112_${i}_1_far_0_a` }).handle
  })
  const blocked: (() => void)[] = []
  return {
    queue,
    engine,
    handles,
    asked: () => asked,
    names: () => entriesOf(queue.context.paths.queue),
    fates: () => handles.map((handle) => engine.fates.get(handle)),
    /** From now on no claim is answered until that is called. */
    block: () => {
      const create = engine.claims.create.bind(engine.claims)
      engine.claims.create = async (key, value) => {
        await new Promise<void>((resolve) => blocked.push(resolve))
        return create(key, value)
      }
      return () => {
        engine.claims.create = create
        for (const go of blocked) go()
      }
    },
    blocked,
    receive: (options: ReceiveItemsOptions = {}) =>
      following(t, (told) => receiveFrom(engine, queue.context, { ...options, ...told })),
  }
}

t.test('what came ahead is given back at the end', async (t) => {
  const { blocked, block, fates, handles, engine, receive } = await place(t, 6)
  const release = block()
  const receiver = receive({ concurrency: 2 })
  await eventually(() => blocked.length === 2)
  const first = handles[2] ?? ''
  await eventually(() => (engine.kept.get(first) ?? 0) > 0) // Until then it is kept for us.
  const stopped = receiver.stop()
  t.strictSame(fates().slice(2), Array(4).fill('given back'), 'at once')
  release()
  t.match(await stopped, { received: 2, returned: 4 })
  t.strictSame(fates().slice(0, 2), ['confirmed', 'confirmed'])
})

t.test('what came ahead is given back when the queue goes down', async (t) => {
  const { blocked, block, fates, names, queue, receive } = await place(t, 6)
  const release = block()
  const receiver = receive({ concurrency: 1 })
  await eventually(() => blocked.length === 1)
  await queue.down()
  await eventually(() =>
    fates()
      .slice(1)
      .every((fate) => fate === 'given back'),
  )
  release()
  await receiver.until('received')
  await eventually(() => fates()[0] === 'confirmed')
  t.equal(names().length, 1)
  t.match(await receiver.stop(), { received: 1, returned: 5 })
})

t.test('no more is asked for than the queue should hold', async (t) => {
  const { asked, names, queue, receive } = await place(t, 30)
  const receiver = receive({ concurrency: 100, depth: 10 })
  await receiver.until('full')
  t.equal(asked(), 10)
  t.equal(names().length, 10)
  const [name = ''] = names()
  await (await queue.claim(name)).done()
  await receiver.until('received', 11)
  t.ok(names().length <= 10)
  await receiver.stop()
  t.ok(asked() <= 12, `${asked()}`)
})

t.test('no more is asked for while what has come is large', async (t) => {
  const { asked, blocked, engine, receive } = await place(t, 0)
  const body = Buffer.alloc(16 * 1024 * 1024)
  for (let i = 0; i < 40; i++) engine.deliver({ id: `_20261122101112_${i}_1_far_0_a`, body })
  const publish = engine.publish.bind(engine)
  engine.publish = async (message) => {
    await new Promise<void>((resolve) => blocked.push(resolve))
    return publish(message)
  }
  // They are too large to be received, so that none is written.
  const receiver = receive({ concurrency: 4, maxSize: 1 })
  const bury = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await eventually(() => blocked.length > 0)
      const buried = receiver.until('dead', receiver.count('dead') + 1)
      blocked.shift()?.()
      await buried
    }
  }
  await eventually(() => asked() === 12)
  await bury(7)
  t.equal(asked(), 12, 'there are places, but 5 items are in memory')
  await bury(2)
  await eventually(() => asked() > 12)
  const stopped = receiver.stop()
  for (const go of blocked) go()
  await stopped
})

t.test('what only waits to be confirmed keeps nothing from being received', async (t) => {
  const queue = await temporaryQueue(t, { durability: 'none' })
  const engine = scriptedEngine('q')
  let go = (): void => undefined
  const answered = new Promise<void>((resolve) => (go = resolve))
  for (let i = 0; i < 20; i++) {
    const delivery = engine.deliver({ id: `_20261122101112_${i}_1_far_0_a` })
    const confirm = delivery.confirm.bind(delivery)
    delivery.confirm = async () => answered.then(confirm)
  }
  const receiver = following(t, (told) =>
    receiveFrom(engine, queue.context, { concurrency: 1, follow: false, ...told }),
  )
  await receiver.until('received', 20)
  t.equal(engine.fates.size, 0)
  go()
  t.match(await receiver.ended, { received: 20, returned: 0 }, 'and is waited for')
  t.strictSame(new Set(engine.fates.values()), new Set(['confirmed']))
})

t.test('what is on its way at the end is given back at once', { skip }, async (t) => {
  const { near, far, forward, receive } = await newWay(t)
  await near.enqueueMany(Array.from({ length: 500 }, () => ({ body: 'body' })))
  await forward({ follow: false }).ended
  const receiver = receive({ concurrency: 4 })
  await receiver.until('received')
  const { received } = await receiver.stop()
  t.equal(entriesOf(far.context.paths.queue).length, received)
  const began = performance.now()
  const again = receive()
  await again.until('received', 500 - received)
  t.ok(performance.now() - began < 15_000, 'before it would be delivered again by itself')
  t.match(await again.stop(), { repeated: 0 })
})

t.test('what another gets is not waited for', { skip }, async (t) => {
  const { near, forward, receive, jetstream } = await newWay(t)
  const other = await newWay(t) // Only for its queue.
  await near.enqueueMany(Array.from({ length: 100 }, () => ({ body: 'body' })))
  await forward({ follow: false }).ended
  const results = await Promise.all([
    receive({ follow: false }).ended,
    receiveItems(other.far, jetstream, { follow: false, as: 'other' }),
  ])
  t.equal(results[0].received + results[1].received, 100)
})
