import t, { type Test } from 'tap'
import { forwardItems } from '../../../lib/adapters/jetstream/index.js'
import { following, newWay, opened } from '../../helpers/jetstream.js'
import { natsRelay, type Published, type Verdict } from '../../helpers/nats-relay.js'
import { withoutNats } from '../../helpers/nats.js'
import { contentsOf, entriesOf, nothing } from '../../helpers/temporary.js'

/*
 * Servers that are away, or say strange things.
 */

const skip = withoutNats()

t.test('servers that are away at the start are waited for', { skip }, async (t) => {
  const { server, near, far, receive } = await newWay(t)
  await server.kill()
  const other = opened(t, { servers: server.url }) // Which was never connected.
  const id = await near.enqueue('body')
  const forwarder = following(t, (told) => forwardItems(near, other, told))
  const receiver = receive()
  await Promise.all([forwarder.until('away'), receiver.until('away')])
  t.match(forwarder.events, [{ type: 'away', error: { code: 'FSQ_NATS' } }])
  await new Promise((resolve) => setTimeout(resolve, 3000)) // Some attempts.
  t.strictSame(contentsOf(near), { ...nothing, queue: [id] })
  await server.start()
  await receiver.until('received')
  t.strictSame(contentsOf(far), { ...nothing, queue: [id] })
  for (const each of [forwarder, receiver]) {
    await each.until('back')
    t.equal(each.count('away'), 1, 'it is told once')
    t.equal(each.count('back'), 1)
    t.equal(each.count('error'), 0)
  }
})

t.test('servers that go away for a while are waited for', { skip }, async (t) => {
  const { server, near, far, forward, receive } = await newWay(t)
  const [forwarder, receiver] = [forward(), receive()]
  for (let i = 1; i <= 2; i++) {
    await near.enqueue('body')
    await receiver.until('received', 2 * i - 1)
    await server.kill()
    await near.enqueue('body')
    await Promise.all([forwarder.until('away', i), receiver.until('away', i)])
    t.equal(entriesOf(near.context.paths.queue).length, 1, 'it stays here')
    await new Promise((resolve) => setTimeout(resolve, 2000))
    await server.start()
    await receiver.until('received', 2 * i)
    await Promise.all([forwarder.until('back', i), receiver.until('back', i)])
    t.equal(forwarder.count('away'), i)
    t.equal(receiver.count('away'), i)
  }
  t.equal(entriesOf(far.context.paths.queue).length, 4)
  t.match(await forwarder.stop(), { forwarded: 4, refused: 0 })
  t.match(await receiver.stop(), { received: 4 })
  t.strictSame(contentsOf(near), { ...nothing, done: entriesOf(far.context.paths.queue) })
})

t.test('many items that wait for servers make no noise', { skip }, async (t) => {
  const warnings = t.capture(process, 'emitWarning')
  const { server, near, forward } = await newWay(t, { jetstream: { timeout: 1 } })
  const forwarder = forward()
  await near.enqueue('body')
  await forwarder.until('forwarded')
  await server.kill()
  await near.enqueueMany(Array.from({ length: 50 }, () => ({ body: 'body' })))
  await forwarder.until('away')
  await server.start()
  await forwarder.until('forwarded', 51)
  t.strictSame(
    warnings().map(({ args }) => args),
    [],
  )
})

t.test('servers that are away, or frozen, hold up no end', { skip }, async (t) => {
  for (const freeze of [false, true]) {
    const { server, near, far, forward, receive } = await newWay(t, { jetstream: { timeout: 1 } })
    const [forwarder, receiver] = [forward({ drain: 1 }), receive()]
    await near.enqueue('first')
    await receiver.until('received')
    if (freeze) server.pause()
    else await server.kill()
    const id = await near.enqueue('second')
    await forwarder.until('away')
    const began = performance.now()
    const [{ forwarded }, { received }] = await Promise.all([forwarder.stop(), receiver.stop()])
    t.ok(performance.now() - began < 10_000, freeze ? 'frozen' : 'away')
    t.strictSame({ forwarded, received }, { forwarded: 1, received: 1 })
    t.strictSame(entriesOf(near.context.paths.queue), [id])
    ;(await near.claim(id)).close()
    t.equal(entriesOf(far.context.paths.queue).length, 1)
  }
})

/** Forwards an item through a relay, of which the verdicts on its publications are these and then none. */
async function forwardThrough(
  t: Test,
  verdicts: (attempt: number) => Verdict,
): Promise<{ published: Published[]; messages: number; ids: string[] }> {
  const { server, near, messages } = await newWay(t)
  const published: Published[] = []
  const relay = await natsRelay(t, server.url, (one) =>
    one.subject.startsWith('fsq.work.') ? verdicts(published.push(one)) : undefined,
  )
  const ids = [await near.enqueue('body', ['ä'])]
  const jetstream = opened(t, { servers: relay.url, timeout: 0.5 })
  const forwarder = following(t, (told) => forwardItems(near, jetstream, told))
  await forwarder.until('forwarded')
  t.match(await forwarder.stop(), { forwarded: 1, refused: 0, left: 0 })
  t.strictSame(contentsOf(near), { ...nothing, done: ids })
  for (const { headers } of published)
    t.equal(decodeURIComponent(headers['Fsq-Id'] ?? ''), ids[0], 'the item keeps its name')
  return { published, messages: await messages('FSQ_WORK'), ids }
}

t.test('a repetition that the server has not kept is no acknowledgement', { skip }, async (t) => {
  const answer = { stream: 'FSQ_WORK', duplicate: true, seq: 0 }
  const { published, messages, ids } = await forwardThrough(t, (attempt) =>
    attempt <= 12 ? { answer } : undefined,
  )
  const own = `fsq.work.q.any/${ids[0] ?? ''}`
  const given = published.map(({ headers }) => headers['Nats-Msg-Id'] ?? '')
  t.strictSame(new Set(given.slice(0, 12)).size, 1, 'it is repeated under its id')
  t.equal(given.length, 13)
  t.equal(given[12], `${given[0] ?? ''}#1`, 'and then published under another')
  t.equal(decodeURIComponent(given[0] ?? ''), own)
  t.equal(messages, 1)
})

t.test('an answer of which only the sequence says that it is kept counts', { skip }, async (t) => {
  const { published, messages } = await forwardThrough(t, () => ({
    answer: { stream: 'FSQ_WORK', duplicate: true, seq: 7 },
  }))
  t.equal(published.length, 1)
  t.equal(messages, 0, 'as the relay did not pass it on')
})

t.test('without an answer it is published again under the same id', { skip }, async (t) => {
  for (const verdict of ['lost', 'unanswered'] as const) {
    const { published, messages } = await forwardThrough(t, (attempt) =>
      attempt <= 2 ? verdict : undefined,
    )
    t.ok(published.length >= 3, verdict)
    t.equal(new Set(published.map(({ headers }) => headers['Nats-Msg-Id'])).size, 1)
    t.equal(messages, 1)
  }
})

t.test('what a server says in trouble is tried again', { skip }, async (t) => {
  const errors = [
    { code: 503, err_code: 10008, description: 'JetStream system temporarily unavailable' },
    { code: 503, err_code: 10039, description: 'jetstream not enabled for account' },
    { code: 400, err_code: 10005, description: 'no suitable peers for placement' },
    { code: 503, err_code: 10077, description: 'maximum messages exceeded' },
    { code: 409, err_code: 10201, description: 'duplicate message id is in process' },
  ]
  const { published, messages } = await forwardThrough(t, (attempt) => {
    const error = errors[attempt - 1]
    return error === undefined ? undefined : { answer: { error } }
  })
  t.equal(published.length, errors.length + 1)
  t.equal(messages, 1)
})
