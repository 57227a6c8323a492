import { once } from 'node:events'
import { existsSync, lstatSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { createServer, type ServerOptions } from '../../../lib/remote/index.js'
import { isLoopback } from '../../../lib/remote/server/loopback.js'
import { eventually, place, startProgram } from '../../helpers/cli.js'
import { itemName } from '../../helpers/entries.js'
import { modeOf } from '../../helpers/mode.js'
import { sendTo, served } from '../../helpers/serve.js'
import {
  entriesOf,
  temporaryDirectory,
  temporaryRoot,
  underUmask,
} from '../../helpers/temporary.js'

function server(t: Test, options: ServerOptions = {}) {
  const made = createServer(temporaryRoot(t), options)
  t.teardown(() => made.close({ grace: 0 }))
  return made
}

t.test('loopback is 127.0.0.0/8 and ::1', async (t) => {
  for (const address of ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1'])
    t.ok(isLoopback(address), address)
  for (const address of [
    '0.0.0.0',
    '::',
    '128.0.0.1',
    '10.0.0.1',
    'fe80::1',
    'localhost',
    '',
    '127.1',
  ])
    t.notOk(isLoopback(address), address)
})

for (const host of ['0.0.0.0', '::', '192.0.2.1'])
  t.test(`it refuses to listen on ${host} to anybody, and says why`, async (t) => {
    await t.rejects(server(t).listen({ host, port: 0 }), {
      code: 'FSQ_LISTEN',
      message: /a queue runs programs, so who may enqueue may run them/,
    })
  })

t.test(
  'it listens on any address where it knows who may, or is told that anybody may',
  async (t) => {
    const tokenFile = `${temporaryDirectory(t)}/tokens`
    writeFileSync(tokenFile, 'a-token-of-16-characters\n', { mode: 0o600 })
    for (const options of [{ tokenFile }, { insecure: true }]) {
      const one = server(t, options)
      t.match(await one.listen({ host: '0.0.0.0', port: 0 }), /^http:\/\/0\.0\.0\.0:[1-9][0-9]*\/$/)
      t.match(one.url, /^http:/)
    }
  },
)

t.test('it says why it cannot listen', async (t) => {
  const { port } = await served(t)
  const listen = (host: string, at: number) => server(t).listen({ host, port: at })
  const code = 'FSQ_LISTEN'
  await t.rejects(listen('127.0.0.1', port), { code, message: /somebody listens there already$/ })
  await t.rejects(listen('nosuch.invalid', 0), {
    code,
    message: /^cannot listen on nosuch.invalid/,
  })
})

t.test('a unix socket has the mode that is asked for, whatever the umask', async (t) => {
  const socket = `${temporaryDirectory(t)}/s`
  for (const [mode, expected] of [
    [undefined, '600'],
    [0o660, '660'],
  ] as const) {
    const one = server(t)
    t.equal(await underUmask(0, () => one.listen({ socket, mode })), `unix://${socket}`)
    t.equal(modeOf(socket), expected)
    const { status } = await sendTo(socket, { method: 'POST' })
    t.equal(status, 415, 'it serves')
    await one.close()
    t.notOk(existsSync(socket), 'it is removed at the end')
  }
})

t.test('a socket is replaced only where nobody listens on it', async (t) => {
  const directory = temporaryDirectory(t)
  const socket = `${directory}/s`
  const first = server(t)
  await first.listen({ socket })
  await t.rejects(server(t).listen({ socket }), {
    code: 'FSQ_LISTEN',
    message: `cannot listen on ${socket}: somebody listens there already`,
  })
  t.equal((await sendTo(socket, { method: 'POST' })).status, 415, 'the first still serves')
  writeFileSync(`${directory}/file`, 'precious')
  await t.rejects(server(t).listen({ socket: `${directory}/file` }), {
    code: 'FSQ_LISTEN',
    message: /something else than a socket$/,
  })
  t.ok(lstatSync(`${directory}/file`).isFile())
})

t.test('a socket that a killed server left is replaced', async (t) => {
  const here = await place(t)
  const socket = `${here.directory}/s`
  const code = `require('net').createServer().listen('${socket}', () => process.kill(process.pid, 'SIGKILL'))`
  await startProgram(process.execPath, ['-e', code]).ended
  t.ok(lstatSync(socket).isSocket(), 'it is left')
  const one = server(t)
  await one.listen({ socket })
  t.equal((await sendTo(socket, { method: 'POST' })).status, 415)
})

t.test('what web pages send is refused', async (t) => {
  const { post, send, port, queue } = await served(t)
  const call = { id: 1, method: 'enqueue', params: [itemName(), 'q', ''] }
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await post(call, headers)).status
  for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${port}`, ''])
    t.equal(await status({ Origin: origin }), 403, `Origin: ${origin}`)
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    '10.0.0.1',
    'localhost.evil.example',
    '[::2]',
    '.',
  ])
    t.equal(await status({ Host: host }), 403, `Host: ${host}`)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', ''])
    t.equal(await status({ 'Content-Type': type }), 415, type)
  t.equal((await send({ method: 'OPTIONS', path: '/' })).status, 405)
  t.equal((await send({ method: 'GET', path: '/' })).status, 405)
  t.equal(await status({ 'Content-Type': 'text/plain;application/json' }), 415)
  t.strictSame(entriesOf(`${queue.path}/queue`), [])
  for (const host of [
    'localhost',
    `LOCALHOST:${port}`,
    `127.0.0.1:${port}`,
    '127.0.0.2',
    `[::1]:${port}`,
  ])
    t.equal(await status({ Host: host }), 200, host)
})

t.test('it takes no more connections once it closes, and what it serves is answered', async (t) => {
  const { open, server: one, port, queue } = await served(t)
  const id = itemName()
  const idle = await open()
  const { write, until, closed } = await open()
  write(`PUT /queues/q/items/${id} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbo`)
  await eventually(() => entriesOf(`${queue.path}/tmp`).length === 1)
  const ended = one.close()
  await idle.closed
  const socket = connect({ host: '127.0.0.1', port })
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  t.equal(error.code, 'ECONNREFUSED')
  write('dy')
  t.match(await until(/\}/), /^HTTP\/1.1 201 .*Connection: close/s)
  await closed
  await ended
  t.ok(existsSync(`${queue.path}/queue/${id}`))
})

t.test('what is not over within the grace is cut off, and nothing of it is left', async (t) => {
  const { open, server: one, queue, nextEvent } = await served(t)
  const { write, closed } = await open()
  write(
    `PUT /queues/q/items/${itemName()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbo`,
  )
  await eventually(() => entriesOf(`${queue.path}/tmp`).length === 1)
  const event = nextEvent()
  await one.close({ grace: 0 })
  await closed
  t.match(await event, { status: 0 })
  t.strictSame(entriesOf(`${queue.path}/tmp`), [])
  t.strictSame(entriesOf(`${queue.path}/queue`), [])
})

t.test('options that mean nothing are refused', async (t) => {
  for (const options of [
    { maxbody: 1 },
    { maxBody: 4095 },
    { maxItem: -1 },
    { maxConnections: 1.5 },
  ])
    t.throws(() => server(t, options), TypeError)
  t.throws(() => server(t, { maxBody: 2 ** 40 }), TypeError)
})

t.test(
  'a socket that cannot be made is said to be, and nothing is left that listens',
  async (t) => {
    const directory = temporaryDirectory(t)
    const cases: readonly (readonly [string, RegExp])[] = [
      [`${directory}/${'x'.repeat(120)}`, /: the path of a socket has 107 bytes at most$/],
      [`${directory}/no/s`, /: there is no such directory$/],
    ]
    for (const [socket, message] of cases) {
      const one = server(t)
      await t.rejects(one.listen({ socket }), { code: 'FSQ_LISTEN', message })
      await one.close()
    }
    t.strictSame(entriesOf(directory), [])
  },
)
