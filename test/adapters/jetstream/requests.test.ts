import { connect } from '@nats-io/transport-node'
import * as transport from '@nats-io/transport-node'
import t, { type Test } from 'tap'
import { Requests } from '../../../lib/adapters/jetstream/requests.js'
import { natsServer, type NatsOptions, withoutNats } from '../../helpers/nats.js'

/*
 * Requests over one subscription: each gets its own answer, or the error that the client would have given.
 */

const skip = withoutNats()

async function place(
  t: Test,
  options: NatsOptions = {},
  user: { user?: string; pass?: string } = {},
) {
  const server = await natsServer(t, options)
  const nats = await connect({ servers: server.url, ...user })
  t.teardown(() => nats.close())
  return { server, nats, requests: new Requests(nats, transport) }
}

t.test('each gets its own answer', { skip }, async (t) => {
  const { nats, requests } = await place(t)
  nats.subscribe('echo', {
    callback: (_, message) => {
      setTimeout(() => message.respond(message.data), Math.random() * 20)
    },
  })
  const words = Array.from({ length: 100 }, (_, i) => `word ${i}`)
  const answers = await Promise.all(words.map((word) => requests.request('echo', word)))
  t.strictSame(
    answers.map((answer) => answer.string()),
    words,
  )
  t.equal(requests.waiting, 0)
})

t.test('without an answer there is an error', { skip }, async (t) => {
  const { nats, requests } = await place(t)
  await t.rejects(requests.request('nobody', ''), { name: 'NoResponders' })
  nats.subscribe('silent', { callback: () => undefined })
  const began = performance.now()
  await t.rejects(requests.request('silent', '', { timeout: 300 }), { name: 'TimeoutError' })
  t.ok(performance.now() - began >= 300)
  const waiting = requests.request('silent', '', { timeout: 60_000 })
  await nats.close()
  await t.rejects(waiting, { name: 'ClosedConnectionError' })
  await t.rejects(requests.request('silent', ''), 'nor is one sent')
  t.equal(requests.waiting, 0)
})

t.test('what is not allowed is told at once', { skip }, async (t) => {
  const users = [
    { user: 'u', password: 'p', permissions: { publish: 'open', subscribe: '_INBOX.>' } },
    { user: 'deaf', password: 'p', permissions: { publish: 'open', subscribe: 'open' } },
  ]
  const options = { config: { authorization: { users } } }
  const { requests } = await place(t, options, { user: 'u', pass: 'p' })
  const denied = { name: 'PermissionViolationError' }
  await t.rejects(requests.request('secret', '', { timeout: 30_000 }), denied)
  const deaf = await place(t, options, { user: 'deaf', pass: 'p' })
  await t.rejects(deaf.requests.request('open', '', { timeout: 30_000 }), denied)
})
