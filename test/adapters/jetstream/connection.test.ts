import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  type JetStream,
  type JetStreamOptions,
  openJetStream,
} from '../../../lib/adapters/jetstream/index.js'
import { eventually } from '../../helpers/cli.js'
import { opened } from '../../helpers/jetstream.js'
import { natsServer, type NatsServer, withoutNats } from '../../helpers/nats.js'

/*
 * What is said to a server before it is known to be one, and of it.
 */

/** A server that does not encrypt, and what it hears. */
async function plainServer(t: Test) {
  let heard = ''
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (data) => (heard += data.toString('latin1')))
    socket.write(
      'INFO {"server_id":"x","version":"2.9.10","max_payload":1048576,"headers":true}\r\n',
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, heard: () => heard }
}

t.test('nothing is said to a server of tls:// that does not encrypt', async (t) => {
  const { port, heard } = await plainServer(t)
  const jetStream = openJetStream({
    servers: `tls://127.0.0.1:${port}`,
    user: 'joe',
    password: 'sekret',
    timeout: 1,
  })
  t.teardown(() => jetStream.close())
  await t.rejects(jetStream.connected(), { code: 'FSQ_NATS', message: /tls/ })
  t.notMatch(heard(), /joe|sekret/)
})

t.test('errors name the servers, without what is secret in their addresses', async (t) => {
  const addresses = [
    'nats://joe:sekret@127.0.0.1:1',
    'nats://joe:se@kret@127.0.0.1:1',
    'joe:sekret@127.0.0.1:1',
    'nats://sekret@127.0.0.1:1',
  ]
  for (const servers of addresses) {
    const jetStream = openJetStream({ servers, timeout: 1 })
    const error: unknown = await jetStream.connected().catch((reason: unknown) => reason)
    t.ok(error instanceof Error && error.message.includes('127.0.0.1:1'), servers)
    t.notMatch(String(error), /sekret|kret/)
    await jetStream.close()
  }
})

t.test('who we are may be said in the addresses of servers', { skip: withoutNats() }, async (t) => {
  const words = { user: 'joe', password: '4p@ss' }
  const [named, known] = await Promise.all([
    natsServer(t, { authorization: words }),
    natsServer(t, { authorization: { token: '4t@ken' } }),
  ])
  const at = ({ url }: NatsServer, who: string): string => url.replace('//', `//${who}@`)
  const fine: JetStreamOptions[] = [
    { servers: at(named, 'joe:4p%40ss') },
    { servers: [at(named, 'joe:4p%40ss'), named.url] },
    { servers: at(named, 'jim:none'), ...words },
    { servers: at(known, '4t%40ken') },
    { servers: at(known, 'none'), token: '4t@ken' },
  ]
  for (const options of fine) await opened(t, options).connected()
  for (const servers of [named.url, at(named, 'joe:none'), at(known, 'none')])
    await t.rejects(opened(t, { servers }).connected(), { code: 'FSQ_DENIED' })
})

/** What the clock is told to show, beside what it does. */
function shiftedClock(t: Test): (milliseconds: number) => void {
  const { now } = Date
  let shift = 0
  t.intercept(Date, 'now', { value: () => now() + shift })
  return (milliseconds) => (shift = milliseconds)
}

/** Waits for a connection. */
async function connection(jetStream: JetStream): Promise<NatsConnection> {
  for (;;) {
    try {
      return (await jetStream.connected()).nats
    } catch {
      await setTimeout(50)
    }
  }
}

/** Resolves when it is lost. */
async function lost(jetStream: JetStream): Promise<void> {
  return new Promise((resolve) => {
    const listening = jetStream.onLink((error) => {
      if (error === undefined) return
      listening[Symbol.dispose]()
      resolve()
    })
  })
}

const hour = 3600_000

t.test('a clock that is put back keeps nobody away', { skip: withoutNats() }, async (t) => {
  for (const forward of [0, hour]) {
    const server = await natsServer(t)
    const shift = shiftedClock(t)
    const jetStream = opened(t, { servers: server.url, timeout: 1 })
    await jetStream.connected()
    const told: string[] = []
    jetStream.onLink((error) => told.push(error === undefined ? 'back' : 'lost'))
    const away = lost(jetStream)
    shift(forward)
    await server.kill()
    await away
    if (forward > 0) await setTimeout(500) // It is tried meanwhile.
    shift(forward - hour)
    await server.start()
    await connection(jetStream)
    t.strictSame(told, ['lost', 'back'])
  }
})

t.test(
  'of a connection made anew by the clock nothing stays',
  { skip: withoutNats() },
  async (t) => {
    const servers = [await natsServer(t), await natsServer(t)]
    const shift = shiftedClock(t)
    const jetStream = opened(t, { servers: servers.map(({ url }) => url), timeout: 1 })
    const failOver = async (): Promise<void> => {
      const url = (await connection(jetStream)).getServer()
      const server = servers.find((each) => each.url.endsWith(url))
      if (server === undefined) throw new Error(`it is at ${url}`)
      const away = lost(jetStream)
      await server.kill()
      await away
      await connection(jetStream)
      await server.start()
    }
    await failOver()
    shift(-2000)
    await failOver()
    await jetStream.close()
    const sockets = (): string[] =>
      process.getActiveResourcesInfo().filter((what) => what === 'TCPSocketWrap')
    await eventually(() => sockets().length === 0)
    t.pass('nothing keeps the process from its end')
  },
)

/** Accepts connections, and says nothing. */
async function muteServer(t: Test, port = 0) {
  const open = new Set<Socket>()
  let accepted = 0
  const server = createServer((socket) => {
    accepted++
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
    socket.resume()
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, open, accepted: () => accepted }
}

t.test('no connection to a server that says nothing stays', async (t) => {
  const { port, open, accepted } = await muteServer(t)
  const servers = `nats://127.0.0.1:${port}`
  const jetStream = opened(t, { servers, timeout: 0.2 })
  for (let i = 0; i < 3; i++)
    await t.rejects(jetStream.connected(), { code: 'FSQ_NATS', message: /no answer in time/ })
  t.equal(accepted(), 3)
  await eventually(() => open.size === 0)
})

t.test('nor does that of a close while it says nothing', { skip: withoutNats() }, async (t) => {
  const server = await natsServer(t)
  const jetStream = openJetStream({ servers: server.url, timeout: 60 })
  await jetStream.connected()
  await server.kill()
  const { open } = await muteServer(t, Number(new URL(server.url).port))
  await eventually(() => open.size > 0)
  await jetStream.close()
  await eventually(() => open.size === 0)
})

t.test('what is no option, or of the wrong form, is a mistake of the caller', async (t) => {
  const wrong = [
    { server: 'x' },
    { timeout: 0 },
    { timeout: -1 },
    { servers: 'http://h' },
    { servers: 'nats://joe:se/kret@h' },
  ]
  for (const options of wrong) {
    t.throws(() => openJetStream(options), TypeError, JSON.stringify(options))
    t.throws(() => openJetStream(options), { message: /^((?!kret).)*$/ })
  }
})

t.test('what is closed stays closed', async (t) => {
  const jetStream = openJetStream()
  await jetStream.close()
  await jetStream.close()
  await t.rejects(jetStream.connected(), { code: 'FSQ_NATS', message: /closed/ })
})
