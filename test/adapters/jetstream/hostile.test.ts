import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { jetstream as streams } from '@nats-io/jetstream'
import { Objm } from '@nats-io/obj'
import { headers as newHeaders } from '@nats-io/transport-node'
import t from 'tap'
import { removeDead, requeueDead } from '../../../lib/adapters/jetstream/index.js'
import { all } from '../../helpers/collect.js'
import { newWay, type Way } from '../../helpers/jetstream.js'
import { withoutNats } from '../../helpers/nats.js'
import { contentsOf, entriesOf, nothing } from '../../helpers/temporary.js'

/*
 * Whoever may publish may publish anything. What is no item becomes a dead letter with its reason, and
 * stops nothing.
 */

const skip = withoutNats()

/** The name of an item that is well formed. */
const good = '_20240101000000_1_1_host_0_argument'

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

const stored = (text: string, more: Record<string, string> = {}): Record<string, string> => ({
  'Fsq-Id': good,
  'Fsq-Body': 'abc0',
  'Fsq-Size': String(text.length),
  'Fsq-Digest': `sha-256=${digest(text)}`,
  ...more,
})

const cases: Record<string, Record<string, string | string[]>> = {
  'no header at all': {},
  'an empty name': { 'Fsq-Id': '' },
  'a name that is none of an item': { 'Fsq-Id': 'hello' },
  'a name that leads out of the queue': { 'Fsq-Id': encodeURIComponent('../../etc/passwd') },
  'a name that leads out, and is one of an item': {
    'Fsq-Id': encodeURIComponent(`${good}/../../../x`),
  },
  'the directory itself': { 'Fsq-Id': '.' },
  'an absolute path': { 'Fsq-Id': encodeURIComponent('/etc/passwd') },
  'a name with NUL': { 'Fsq-Id': `${good}%00` },
  'a name that is too long': { 'Fsq-Id': `${good}${'x'.repeat(300)}` },
  'a name that is not percent-encoded': { 'Fsq-Id': '%zz' },
  'a name that is no UTF-8': { 'Fsq-Id': '%ff%fe' },
  'headers as huge as the server lets them be': {
    'Fsq-Id': 'x'.repeat(31_000),
    Other: 'y'.repeat(34_000),
  },
  'a header many times': { 'Fsq-Id': Array<string>(1000).fill(`${good}/`) },
  'a time that is none': { 'Fsq-Id': good, 'Fsq-Not-Before': 'tomorrow' },
  'a time that no file can have': { 'Fsq-Id': good, 'Fsq-Not-Before': '9'.repeat(15) },
  'a body that is not there': stored('text'),
  'a body of which the name leads elsewhere': stored('text', { 'Fsq-Body': '../x' }),
  'a digest that is none': stored('text', { 'Fsq-Digest': 'md5=0' }),
  'a size that is none': stored('text', { 'Fsq-Size': '-1' }),
}

/** Publishes as anybody can. */
async function publish(way: Way, headers: Record<string, string | string[]>, body = 'body') {
  const given = newHeaders()
  for (const [name, values] of Object.entries(headers))
    for (const value of [values].flat()) given.append(name, value)
  await streams(await way.connection()).publish('fsq.work.q.any', body, { headers: given })
}

t.test('what is no item is a dead letter, and the next is received', { skip }, async (t) => {
  const way = await newWay(t, { setup: { maxDeliver: 2 } })
  const receiver = way.receive()
  for (const [index, [name, headers]] of Object.entries(cases).entries()) {
    await publish(way, headers)
    await receiver.until('dead', index + 1)
    const event = receiver.events.filter(({ type }) => type === 'dead').at(-1)
    t.match(event, { type: 'dead', queue: 'q', error: { code: /^FSQ_/, message: String } }, name)
    t.ok(JSON.stringify(event).length < 4000, 'what is said of it is short')
  }
  await publish(way, { 'Fsq-Id': good })
  await receiver.until('received')
  t.strictSame(contentsOf(way.far), { ...nothing, queue: [good] })
  t.strictSame(readdirSync(dirname(way.far.path)), ['q'])
  t.equal(await way.messages('FSQ_DEAD'), Object.keys(cases).length)
  const missing = receiver.events.filter(({ type }) => type === 'error')
  t.match(missing, [{ error: { message: /is not there/ } }], 'which is tried once more')

  await receiver.stop()
  const { length: count } = Object.keys(cases)
  const left = await all(requeueDead(way.jetstream, {}))
  t.equal(left.length, count)
  for (const { error } of left) t.match(error, { code: 'FSQ_NATS_MESSAGE', message: /no item/ })
  t.equal(await way.messages('FSQ_DEAD'), count, 'none is sent again')
  const named = left.find(({ letter: { id } }) => id === 'hello')?.letter.seq ?? 0
  t.match(await all(requeueDead(way.jetstream, [named])), [{ error: undefined }])
  t.match(await way.receive({ follow: false }).ended, { dead: 1 }, 'but by its number')
  t.equal((await all(removeDead(way.jetstream, {}))).length, count)
  t.equal(await way.messages('FSQ_DEAD'), 0)
})

t.test('a body that is not the one that was sent is a dead letter', { skip }, async (t) => {
  // Until then it is asked for again, since it may be put again meanwhile.
  const way = await newWay(t, { setup: { maxDeliver: 2 } })
  const connection = await way.connection()
  const store = await new Objm(streams(connection)).open('fsq_bodies')
  const receiver = way.receive()
  for (const [i, was] of ['texx', 'tex', 'text and more'].entries()) {
    await store.putBlob({ name: `abc${i}` }, Buffer.from(was))
    await publish(way, stored('text', { 'Fsq-Body': `abc${i}` }), '')
    await receiver.until('dead', i + 1)
  }
  t.strictSame(contentsOf(way.far), nothing)
  t.strictSame(entriesOf(`${way.far.path}/.incoming/staged`), [], 'nothing is left of it')
  await store.putBlob({ name: 'abc9' }, Buffer.from('text'))
  await publish(way, stored('text', { 'Fsq-Body': 'abc9' }), '')
  await receiver.until('received')
  t.strictSame(entriesOf(way.far.context.paths.queue), [good])
})

t.test('a body that is too large is a dead letter', { skip }, async (t) => {
  const way = await newWay(t, { nats: { maxPayload: 65_536 } })
  await way.near.enqueueMany([{ body: 'x'.repeat(1001) }, { body: 'x'.repeat(200_000) }])
  const fine = await way.near.enqueue('x'.repeat(1000))
  await way.forward({ follow: false }).ended
  t.match(await way.receive({ follow: false, maxSize: 1000 }).ended, { dead: 2, received: 1 })
  t.strictSame(entriesOf(way.far.context.paths.queue), [fine])
})
