import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Turns } from '../../../lib/remote/server/turns.js'
import { eventually } from '../../helpers/cli.js'

/** A request that somebody sent, and whether its turn came. */
interface Arrived {
  readonly request: IncomingMessage
  isBegun: boolean
  /** Lets it be answered. */
  readonly answer: () => void
}

/** A connection to a server that answers a request when it is told to. */
async function line(t: Test): Promise<{
  readonly client: Socket
  readonly arrived: Arrived[]
  readonly idle: Socket[]
  readonly turns: Turns
  /** Lets all be answered, also those that come yet. */
  readonly answerAll: () => void
}> {
  const arrived: Arrived[] = []
  const idle: Socket[] = []
  let isOpen = false
  const turns = new Turns((socket) => idle.push(socket))
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let answer = (): void => undefined
    const answered = new Promise<void>((resolve) => (answer = resolve))
    const one: Arrived = { request, isBegun: false, answer }
    arrived.push(one)
    turns.take(request.socket, async () => {
      one.isBegun = true
      if (!isOpen) await answered
      request.resume()
      if (!request.readableEnded) await once(request, 'end')
      response.end(request.url)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(client, 'connect')
  t.teardown(() => {
    client.destroy()
    server.closeAllConnections()
    server.close()
  })
  const answerAll = (): void => {
    isOpen = true
    for (const { answer } of arrived) answer()
  }
  return { client, arrived, idle, turns, answerAll }
}

function put(at: number, size = 1): string {
  const head = `PUT /${at} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n\r\n`
  return `${head}${'x'.repeat(size)}`
}

/** So often as to read megabytes, were they read. */
async function turnsOfTheLoop(): Promise<void> {
  for (let i = 0; i < 500; i++) await setImmediate()
}

for (const size of [1, 1000, 20_000])
  t.test(`while a request waits no more are read (bodies of ${size} bytes)`, async (t) => {
    const { client, arrived, answerAll } = await line(t)
    const count = Math.ceil(3e6 / put(0, size).length)
    client.write(Array.from({ length: count }, (_, at) => put(at, size)).join(''))
    await eventually(() => arrived.length > 1)
    await turnsOfTheLoop()
    const bytes = arrived.length * put(0, size).length
    t.ok(bytes < 3 * 65_536 + 2 * size, `${bytes} bytes were`)
    let text = ''
    client.on('data', (piece: Buffer) => (text += piece.toString()))
    answerAll()
    await eventually(() => text.endsWith(`\r\n\r\n/${count - 1}`))
    t.strictSame(
      [...text.matchAll(/^\/([0-9]+)/gm)].map(([, at]) => Number(at)),
      Array.from({ length: count }, (_, at) => at),
      'all are answered, in order',
    )
  })

t.test('the body of a request that waits is not read', async (t) => {
  const { client, arrived, answerAll } = await line(t)
  client.write(put(0, 20_000) + put(1, 10_000_000))
  await eventually(() => arrived.length === 2)
  await turnsOfTheLoop()
  const bytes = arrived[1]?.request.readableLength ?? 0
  t.ok(bytes <= 2 * 65_536, `${bytes} bytes were`)
  let text = ''
  client.on('data', (piece: Buffer) => (text += piece.toString()))
  answerAll()
  await eventually(() => text.endsWith('\r\n\r\n/1'))
})

t.test(
  'a request begins when the one before it is over, and then the connection is idle',
  async (t) => {
    const { client, arrived, idle, turns } = await line(t)
    client.write(put(0) + put(1))
    await eventually(() => arrived.length === 2)
    const begun = (): boolean[] => arrived.map(({ isBegun }) => isBegun)
    await turnsOfTheLoop()
    t.strictSame([begun(), idle.length], [[true, false], 0])
    arrived[0]?.answer()
    await eventually(() => arrived[1]?.isBegun === true)
    t.strictSame(idle, [])
    arrived[1]?.answer()
    await eventually(() => idle.length === 1)
    t.ok(idle[0] !== undefined && !turns.isServed(idle[0]))
  },
)

t.test('what waits is not served once the connection has ended', async (t) => {
  const { client, arrived, idle, answerAll } = await line(t)
  client.write(put(0) + put(1) + put(2))
  await eventually(() => arrived.length === 3)
  arrived[0]?.request.socket.destroy()
  answerAll()
  await eventually(() => idle.length === 1)
  t.strictSame(
    arrived.map(({ isBegun }) => isBegun),
    [true, false, false],
  )
})
