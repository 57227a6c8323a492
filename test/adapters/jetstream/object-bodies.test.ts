import { renameSync } from 'node:fs'
import { jetstream as client } from '@nats-io/jetstream'
import t, { type Test } from 'tap'
import { natsStatus } from '../../../lib/adapters/jetstream/index.js'
import { objectBodies } from '../../../lib/adapters/jetstream/object-bodies.js'
import { newWay, opened } from '../../helpers/jetstream.js'
import { natsRelay } from '../../helpers/nats-relay.js'
import { withoutNats } from '../../helpers/nats.js'

/*
 * Bodies that are kept apart, on a real server: of one that was cut or is of no use any more nothing stays.
 */

const skip = withoutNats()
const name = 'abc0'

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function place(t: Test) {
  const way = await newWay(t, { nats: { maxPayload: 65_536 } })
  const bodies = objectBodies(way.jetstream)
  const read = async (of = name): Promise<string | undefined> => {
    const found = await bodies.get(of)
    if (found === undefined) return undefined
    let text = ''
    for await (const piece of found) text += Buffer.from(piece).toString()
    return text
  }
  return {
    ...way,
    bodies,
    read,
    kept: () => way.messages('OBJ_fsq_bodies'),
    /** Puts a body, and is killed when some of it was written. */
    cut: async (): Promise<void> => {
      let [chunks, isCut] = [0, false]
      const relay = await natsRelay(t, way.server.url, ({ subject }) => {
        isCut ||= subject.startsWith('$O.fsq_bodies.C.') && ++chunks > 2
        return isCut ? 'lost' : undefined
      })
      const jetstream = opened(t, { servers: relay.url, timeout: 0.5 })
      await t.rejects(objectBodies(jetstream).put(name, pieces('x'.repeat(200_000))))
      await jetstream.close()
    },
  }
}

t.test('a body is read as it was written', { skip }, async (t) => {
  const { bodies, read, kept } = await place(t)
  t.equal(await read(), undefined)
  await bodies.remove(name)
  for (const parts of [[], ['small'], ['a'.repeat(100_000), 'b', 'c'.repeat(32_768)]]) {
    t.strictSame(await bodies.put(name, pieces(...parts)), { isNew: parts.length === 0 })
    t.equal(await read(), parts.join(''))
  }
  await bodies.remove(name)
  t.strictSame([await read(), await kept()], [undefined, 0])
})

t.test('of a body that was cut the next finds what is left', { skip }, async (t) => {
  const { bodies, read, kept, cut } = await place(t)
  await cut()
  t.equal(await kept(), 3, 'what is about to come, and two chunks')
  t.equal(await read(), undefined)
  t.strictSame(await bodies.put(name, pieces('whole')), { isNew: true })
  t.strictSame([await read(), await kept()], ['whole', 2])
  await cut()
  t.equal(await read(), 'whole', 'it stays until another is whole')
  t.strictSame(await bodies.put(name, pieces('another')), { isNew: false })
  t.strictSame([await read(), await kept()], ['another', 2])
  await cut()
  await bodies.remove(name)
  t.equal(await kept(), 0)
})

t.test('a body whose last word was not answered is whole all the same', { skip }, async (t) => {
  const { server, bodies, read, kept } = await place(t)
  let words = 0
  const relay = await natsRelay(t, server.url, ({ subject }) => {
    return subject.startsWith('$O.fsq_bodies.M.') && ++words === 2 ? 'unanswered' : undefined
  })
  const jetstream = opened(t, { servers: relay.url, timeout: 0.5 })
  await t.rejects(objectBodies(jetstream).put(name, pieces('the body')))
  t.equal(await read(), 'the body')
  await bodies.put(name, pieces('another'))
  t.strictSame([await read(), await kept()], ['another', 2], 'a chunk, and what is said of it')
})

t.test('of two who put a body one fails, and the other is whole', { skip }, async (t) => {
  const { bodies, read, kept } = await place(t)
  let go = (): void => undefined
  const other = new Promise<void>((resolve) => (go = resolve))
  const slow = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(70_000)
    await other
    yield Buffer.alloc(70_000)
  }
  const first = bodies.put(name, slow())
  first.catch(() => undefined)
  while ((await kept()) < 3); // Two of its chunks are there.
  await bodies.put(name, pieces('second'))
  go()
  await t.rejects(first, { code: 'FSQ_NATS' })
  t.equal(await read(), 'second')
  await bodies.remove(name)
  t.equal(await kept(), 0)
})

t.test('of one that is removed while it is put again nothing stays', { skip }, async (t) => {
  const { server, bodies, kept } = await place(t)
  await bodies.put(name, pieces('first'))
  let go = (): void => undefined
  const removed = new Promise<void>((resolve) => (go = resolve))
  const slow = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(70_000)
    await removed
  }
  const other = opened(t, { servers: server.url })
  const { streams } = (await other.connected()).manager
  let second: Promise<unknown> | undefined
  const getMessage = streams.getMessage.bind(streams)
  streams.getMessage = async (...words) => {
    const message = await getMessage(...words)
    second ??= bodies.put(name, slow())
    second.catch(() => undefined)
    while ((await kept()) < 4); // Two of its chunks are there, too.
    return message
  }
  await objectBodies(other).remove(name)
  go()
  await t.rejects(second ?? Promise.resolve(), { code: 'FSQ_NATS' })
  t.equal(await kept(), 0)
})

t.test('what anybody says of a body leads to no other', { skip }, async (t) => {
  const { bodies, read, kept, connection } = await place(t)
  await bodies.put('abc1', pieces('other'))
  const about = `$O.fsq_bodies.M.${Buffer.from(name).toString('base64')}`
  for (const said of [{ nuid: '>', chunks: 1 }, { nuid: 'x', coming: '*' }, null]) {
    await client(await connection()).publish(about, JSON.stringify(said))
    t.equal(await read(), undefined)
    await bodies.remove(name)
    t.strictSame([await read('abc1'), await kept()], ['other', 2])
  }
})

t.test('a body that was received is not put once more to stay', { skip }, async (t) => {
  const { near, forward, receive, jetstream, kept } = await place(t)
  const id = await near.enqueue('x'.repeat(200_000))
  t.match(await forward({ follow: false }).ended, { forwarded: 1 })
  t.equal((await natsStatus(jetstream)).bodies.count, 1)
  // Killed before that was done here.
  const again = (): void => {
    renameSync(`${near.path}/done/${id}`, `${near.path}/queue/${id}`)
  }
  again()
  await forward({ follow: false }).ended
  t.equal((await natsStatus(jetstream)).bodies.count, 1, 'it has still to be received')
  t.match(await receive({ follow: false }).ended, { received: 1 })
  t.equal(await kept(), 0)
  again()
  t.match(await forward({ follow: false }).ended, { forwarded: 1 })
  t.equal(await kept(), 0)
})
