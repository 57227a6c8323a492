import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { createServer, type RequestEvent, type ServerOptions } from '../../../lib/remote/index.js'
import { type Certificates, certificates, withoutOpenssl } from '../../helpers/certificates.js'
import { temporaryDirectory, temporaryRoot } from '../../helpers/temporary.js'

const options = withoutOpenssl === false ? {} : { skip: withoutOpenssl }

/** A server that speaks TLS, and the status with which it answers. */
async function secured(
  t: Test,
  made: Certificates,
  more: Partial<ServerOptions> = {},
  clients = false,
) {
  const directory = temporaryDirectory(t)
  const [cert, key] = [`${directory}/cert`, `${directory}/key`]
  copyFileSync(made.server.cert, cert)
  copyFileSync(made.server.key, key)
  const events: RequestEvent[] = []
  const tls = { cert, key, clientCa: clients ? made.ca : undefined }
  const server = createServer(temporaryRoot(t), {
    tls,
    onRequest: (event) => events.push(event),
    ...more,
  })
  t.teardown(() => server.close({ grace: 0 }))
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const ask = async (ca: string, client?: { cert: string; key: string }): Promise<number> => {
    const sent = request(url, {
      method: 'POST',
      ca: readFileSync(ca),
      agent: false,
      headers: { 'Content-Type': 'application/json' },
      ...(client && { cert: readFileSync(client.cert), key: readFileSync(client.key) }),
    })
    sent.end('{"id":1,"method":"api_version"}')
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    answer.resume()
    return answer.statusCode ?? 0
  }
  return { server, url, events, ask, cert, key, port: Number(new URL(url).port) }
}

t.test('it speaks TLS', options, async (t) => {
  const made = certificates(t)
  const { ask, url, events } = await secured(t, made)
  t.match(url, /^https:\/\/127\.0\.0\.1:/)
  t.equal(await ask(made.ca), 200)
  t.match(events, [{ status: 200, client: /^127/ }])
  await t.rejects(ask(made.server.cert), 'the certificate is checked')
})

t.test('it serves only those with a certificate of the authorities', options, async (t) => {
  const made = certificates(t)
  const others = certificates(t)
  const { ask, events } = await secured(t, made, {}, true)
  t.equal(await ask(made.ca, made.client), 200)
  t.match(events, [{ status: 200, caller: 'client' }])
  await t.rejects(ask(made.ca))
  await t.rejects(ask(made.ca, others.client))
  t.notOk(events.slice(1).some(({ status }) => status === 200))
})

t.test('with those it listens to other machines too', options, async (t) => {
  const made = certificates(t)
  const { cert, key } = made.server
  const root = temporaryRoot(t)
  const known = createServer(root, { tls: { cert, key, clientCa: made.ca } })
  t.teardown(() => known.close())
  t.match(await known.listen({ host: '0.0.0.0', port: 0 }), /^https:/)
  const unknown = createServer(root, { tls: { cert, key } })
  await t.rejects(unknown.listen({ host: '0.0.0.0', port: 0 }), { code: 'FSQ_LISTEN' })
})

t.test('certificates are read again, unless they cannot be used', options, async (t) => {
  const made = certificates(t)
  const next = certificates(t)
  const { server, ask, cert, key } = await secured(t, made)
  copyFileSync(next.server.cert, cert)
  t.throws(
    () => {
      server.reload()
    },
    { code: 'FSQ_LISTEN' },
    'the key is that of another',
  )
  t.equal(await ask(made.ca), 200)
  copyFileSync(next.server.key, key)
  server.reload()
  t.equal(await ask(next.ca), 200)
  await t.rejects(ask(made.ca))
  writeFileSync(cert, 'nonsense')
  t.throws(
    () => {
      server.reload()
    },
    { code: 'FSQ_LISTEN' },
  )
  t.equal(await ask(next.ca), 200)
})

t.test('connections that say nothing keep nobody out', options, async (t) => {
  const made = certificates(t)
  const { ask, port } = await secured(t, made, { maxConnections: 5, headTimeout: 1 })
  const ca = readFileSync(made.ca)
  const silent = Array.from({ length: 20 }, () => {
    const socket = connect({ host: '127.0.0.1', port, ca })
    socket.on('error', () => undefined).resume()
    t.teardown(() => socket.destroy())
    return once(socket, 'close')
  })
  t.equal(await ask(made.ca), 200)
  await Promise.all(silent)
})

t.test('what cannot be used is told', options, async (t) => {
  const { server } = certificates(t)
  const root = temporaryRoot(t)
  for (const tls of [
    { cert: '/nonexistent', key: server.key },
    { cert: server.key, key: server.cert },
    { ...server, clientCa: '/nonexistent' },
  ])
    t.throws(() => createServer(root, { tls }), { code: 'FSQ_LISTEN' })
})
