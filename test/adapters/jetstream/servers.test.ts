import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection, nkeyAuthenticator, nkeys } from '@nats-io/transport-node'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { certificates, withoutOpenssl } from '../../helpers/certificates.js'
import { natsRelay, type Published, type Verdict } from '../../helpers/nats-relay.js'
import { natsCluster, type NatsOptions, natsServer, withoutNats } from '../../helpers/nats.js'

/*
 * That the servers of the tests do what those tests take for granted.
 */

const skip = withoutNats()

const open = async (t: Test, options: Parameters<typeof connect>[0]): Promise<NatsConnection> => {
  const connection = await connect(options)
  t.teardown(() => connection.close())
  return connection
}

t.test('a server keeps what it stored, killed or stopped', { skip }, async (t) => {
  const server = await natsServer(t)
  const connection = await open(t, { servers: server.url })
  t.equal(connection.info?.max_payload, 8_388_608)
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: 'S', subjects: ['s'] })
  await jetstream(connection).publish('s', 'one')
  for (const end of [server.kill, server.stop]) {
    await end()
    t.equal(server.pid(), undefined)
    await t.rejects(server.monitor('/varz'))
    await server.start()
    await server.ready()
    const again = await jetstreamManager(await open(t, { servers: server.url }))
    const { state } = await again.streams.info('S')
    t.equal(state.messages, 1)
  }
})

t.test('a server that is frozen answers nothing until it is resumed', { skip }, async (t) => {
  const server = await natsServer(t)
  const connection = await open(t, { servers: server.url })
  server.pause()
  await t.rejects(server.monitor('/varz'), { name: 'TimeoutError' })
  const flushed = connection.flush()
  server.resume()
  await flushed
  t.match(await server.monitor('/varz'), { server_name: 'n1' })
  t.match(server.log(), /Server is ready/)
})

t.test(
  'of a cluster it is known who leads a stream, and another does then',
  { skip },
  async (t) => {
    const cluster = await natsCluster(t)
    const connection = await open(t, { servers: cluster.urls })
    const manager = await jetstreamManager(connection)
    const { cluster: made } = await manager.streams.add({
      name: 'S',
      subjects: ['s'],
      num_replicas: 3,
    })
    const leader = await cluster.leaderOf('S')
    t.equal(leader.name, made?.leader)
    await leader.kill()
    const next = await cluster.leaderOf('S')
    t.not(next, leader)
    await leader.start()
    await cluster.ready()
  },
)

t.test('who does not know the word gets nowhere', { skip }, async (t) => {
  const pair = nkeys.createUser()
  const nkey = pair.getPublicKey()
  const cases: [NatsOptions['authorization'], Parameters<typeof connect>[0]][] = [
    [
      { user: 'u', password: 'p' },
      { user: 'u', pass: 'p' },
    ],
    [{ token: 't' }, { token: 't' }],
    [{ users: [{ nkey }] }, { authenticator: nkeyAuthenticator(pair.getSeed()) }],
  ]
  for (const [authorization, credentials] of cases) {
    const server = await natsServer(t, authorization === undefined ? {} : { authorization })
    await open(t, { servers: server.url, ...credentials })
    await t.rejects(connect({ servers: server.url }), { name: 'AuthorizationError' })
  }
})

t.test('TLS, with certificates of clients', { skip: skip || withoutOpenssl }, async (t) => {
  const pems = certificates(t)
  const server = await natsServer(t, { certificates: pems, verify: true })
  const ca = readFileSync(pems.ca, 'utf8')
  const [cert, key] = [pems.client.cert, pems.client.key].map((path) => readFileSync(path, 'utf8'))
  await open(t, { servers: server.url, tls: { ca, cert: cert ?? '', key: key ?? '' } })
  await t.rejects(connect({ servers: server.url, tls: { ca }, timeout: 500 }))
})

t.test(
  'a leaf node passes on what the hub has, and has a domain of its own',
  { skip },
  async (t) => {
    const hub = await natsServer(t, { hub: true, domain: 'hub' })
    const leaf = await natsServer(t, { leafOf: [hub.leafUrl], domain: 'leaf' })
    const connection = await open(t, { servers: leaf.url })
    for (const domain of ['hub', 'leaf']) {
      const manager = await jetstreamManager(connection, { domain })
      await manager.streams.add({ name: domain, subjects: [domain] })
    }
    const there = await jetstreamManager(await open(t, { servers: hub.url }))
    t.strictSame(
      (await there.streams.list().next()).map(({ config }) => config.name),
      ['hub'],
    )
  },
)

t.test('a relay answers in place of a server', { skip }, async (t) => {
  const server = await natsServer(t)
  const verdicts: Verdict[] = [
    { answer: { stream: 'S', duplicate: true, seq: 0 } },
    'lost',
    'unanswered',
    undefined,
  ]
  const published: Published[] = []
  const relay = await natsRelay(t, server.url, (one) => {
    if (one.subject !== 's') return undefined
    published.push(one)
    return verdicts.shift()
  })
  const connection = await open(t, { servers: relay.url })
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: 'S', subjects: ['s'] })
  const stream = jetstream(connection, { timeout: 500 })
  const publish = (): ReturnType<typeof stream.publish> =>
    stream.publish('s', 'body', { msgID: 'id', retries: 0 })
  t.match(await publish(), { seq: 0, duplicate: true })
  const messages = async (): Promise<number> => (await manager.streams.info('S')).state.messages
  await t.rejects(publish())
  t.equal(await messages(), 0)
  await t.rejects(publish())
  t.equal(await messages(), 1)
  t.match(await publish(), { seq: 1, duplicate: true })
  t.equal(published.length, 4)
  for (const each of published)
    t.match(each, { headers: { 'Nats-Msg-Id': 'id' }, data: Buffer.from('body'), reply: /^_INBOX/ })
  relay.cut()
  for await (const { type } of connection.status()) if (type === 'reconnect') break
  t.equal(await messages(), 1)
  t.equal(relay.connections(), 2)
})
