import { writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { FsqError } from '../../lib/errors.js'
import { openRemote, type Remote, type RemoteOptions } from '../../lib/remote/remote.js'
import { push, remoteTriggerPull } from '../../lib/remote/push.js'
import type { Item } from '../../lib/queue/item.js'
import type { SettingsOptions } from '../../lib/settings.js'
import { httpServer, type Reply, rpc } from '../helpers/http-server.js'
import { temporaryDirectory, temporaryQueue } from '../helpers/temporary.js'

/** The only item of a new queue. */
async function itemOf(
  t: Test,
  body: string | Uint8Array,
  settings: SettingsOptions = {},
): Promise<Item> {
  const queue = await temporaryQueue(t, settings)
  const item = await queue.claim(await queue.enqueue(body, ['a', 'é/%']))
  t.teardown(() => {
    item.close()
  })
  return item
}

function opened(t: Test, address: string, options?: RemoteOptions): Remote {
  const remote = openRemote(address, options)
  t.teardown(() => {
    remote.close()
  })
  return remote
}

const echo = ([id]: [string]): string => id
const onlyText = { enqueue: echo, trigger_pull: () => true, is_down: () => false }
const base64 = { ...onlyText, enqueue_base64: echo }

async function failure(promise: Promise<unknown>): Promise<FsqError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof FsqError) return error
    throw error
  }
  throw new Error('it did not fail')
}

t.test('an item goes to a Python fsq as it expects it', async (t) => {
  const server = await httpServer(t, rpc(onlyText))
  const item = await itemOf(t, 'Dear Älice\0\r\n')
  t.equal(await opened(t, server.address).push(item, 'mail'), item.id)
  const [asked, sent] = server.received
  t.match(asked?.json, { jsonrpc: '2.0', method: 'system.listMethods' })
  t.notOk('params' in (asked?.json ?? {}), 'no empty parameters')
  t.match(sent, { method: 'POST', path: '/', headers: { 'content-type': 'application/json-rpc' } })
  const { id: callId, ...call } = sent?.json ?? {}
  t.type(callId, 'string')
  t.strictSame(call, {
    jsonrpc: '2.0',
    method: 'enqueue',
    params: [item.id, 'mail', 'Dear Älice\0\r\n'],
  })
})

t.test('an answer in the shape of JSON-RPC 1.0 does', async (t) => {
  const server = await httpServer(t, ({ json }) => {
    const { id, method, params } = json as { id: string; method: string; params: string[] }
    const result = method === 'enqueue' ? params[0] : ['enqueue']
    return { body: { result, id, error: null } }
  })
  const item = await itemOf(t, 'x')
  t.equal(await opened(t, server.address).push(item, 'mail'), item.id)
})

t.test('bytes that are no text go in Base64 where the remote takes that', async (t) => {
  const server = await httpServer(t, rpc(base64))
  const item = await itemOf(t, Buffer.from([0, 0xff, 0xfe]))
  await opened(t, server.address).push(item, 'mail')
  t.match(server.received.at(-1)?.json, {
    method: 'enqueue_base64',
    params: [item.id, 'mail', 'AP/+'],
  })
})

t.test('text of another charset goes as text', async (t) => {
  const server = await httpServer(t, rpc(onlyText))
  const item = await itemOf(t, Buffer.from([0xe9]), { charset: 'latin1' })
  await opened(t, server.address).push(item, 'mail')
  t.match(server.received.at(-1)?.json, { method: 'enqueue', params: [item.id, 'mail', 'é'] })
})

t.test('a remote that does not tell its methods is taken for a Python fsq', async (t) => {
  const server = await httpServer(t, ({ json }) => {
    const { id, method, params } = json as { id: string; method: string; params: string[] }
    if (method === 'enqueue') return { body: { id, result: params[0] } }
    return { body: { id, error: { code: -32601, message: 'no such method' } } }
  })
  const item = await itemOf(t, 'x')
  t.equal(await opened(t, server.address).push(item, 'mail'), item.id)
})

t.test('what the remote can is asked once, and again after an error', async (t) => {
  let failing = false
  const server = await httpServer(t, (received) =>
    failing ? { status: 503, body: '' } : rpc(onlyText)(received),
  )
  const remote = opened(t, server.address)
  const item = await itemOf(t, 'x')
  const asked = (): number =>
    server.received.filter(({ json }) => json['method'] === 'system.listMethods').length
  await Promise.all([remote.push(item, 'mail'), remote.push(item, 'mail')])
  await remote.push(item, 'mail')
  t.equal(asked(), 1)
  failing = true
  await t.rejects(remote.push(item, 'mail'), { code: 'FSQ_PUSH' })
  failing = false
  await remote.push(item, 'mail')
  t.equal(asked(), 2)
})

t.test('a body is put where the remote takes that', async (t) => {
  const sizes = [0, 1, 64 * 1024, 64 * 1024 + 1, 3 * 1024 * 1024 + 7]
  for (const size of sizes) {
    t.test(`${size} bytes`, async (t) => {
      const server = await httpServer(t, (received) => {
        if (received.method === 'POST') return rpc({ ...base64, enqueue_url: echo })(received)
        const id = decodeURIComponent(received.path.split('/').at(-1) ?? '')
        return { status: 201, body: { id } }
      })
      const body = Buffer.alloc(size, '\xff\0x', 'latin1')
      const item = await itemOf(t, body)
      t.equal(await opened(t, server.address).push(item, 'ma il'), item.id)
      const put = server.received.at(-1)
      t.match(put, {
        method: 'PUT',
        path: `/queues/ma%20il/items/${encodeURIComponent(item.id)}`,
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': String(size),
          expect: size >= 1024 * 1024 ? '100-continue' : undefined,
        },
      })
      t.ok(put?.body.equals(body), 'the same bytes')
    })
  }
})

t.test('a body that grows while it is put is not passed for the item', async (t) => {
  const server = await httpServer(t, (received) =>
    received.method === 'POST'
      ? rpc({ ...base64, enqueue_url: echo })(received)
      : { status: 201, body: {} },
  )
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue(Buffer.alloc(2 * 1024 * 1024))
  const item = await queue.claim(id)
  t.teardown(() => {
    item.close()
  })
  const remote = opened(t, server.address)
  await remote.methods()
  const size = item.size
  Object.defineProperty(item, 'size', { value: size - 1, configurable: true })
  await t.rejects(remote.push(item, 'mail'), { code: 'FSQ_PUSH', message: /its body changed/ })
  Object.defineProperty(item, 'size', { value: size + 1, configurable: true })
  await t.rejects(remote.push(item, 'mail'), { code: 'FSQ_PUSH', message: /its body changed/ })
  t.strictSame(
    server.received.filter(({ method }) => method === 'PUT'),
    [],
    'no whole request arrived',
  )
})

t.test('a large body is not sent to a remote that will not have it', async (t) => {
  const server = createServer((socket) => {
    void (async () => {
      let got = ''
      for await (const piece of socket as AsyncIterable<Buffer>) {
        got += piece.toString('latin1')
        if (!got.includes('\r\n\r\n')) continue
        const answer = got.startsWith('PUT')
          ? ['413 Payload Too Large', JSON.stringify({ error: { code: 'X', message: 'too big' } })]
          : ['200 OK', JSON.stringify({ id: 'fsq', result: ['enqueue_url'] })]
        const [status = '', body = ''] = answer
        socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
        if (got.startsWith('PUT')) lengths.push(got.length)
        got = ''
      }
    })().catch(() => undefined)
  })
  const lengths: number[] = []
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const item = await itemOf(t, Buffer.alloc(8 * 1024 * 1024))
  const { port } = server.address() as AddressInfo
  const remote = opened(t, `http://127.0.0.1:${port}/`)
  const error = await failure(remote.push(item, 'mail'))
  t.match(error, { code: 'FSQ_PUSH_REFUSED', message: /too large for the remote.*too big/ })
  t.ok((lengths[0] ?? Infinity) < 10_000, 'only the headers went')
})

const why = { code: 'FSQ_MALFORMED', message: 'no such name' }
const troubles: [string, Reply, string, RegExp][] = [
  [
    '400 of an fsq',
    { status: 400, body: { error: why } },
    'FSQ_PUSH_REFUSED',
    /says: no such name/,
  ],
  [
    '400 of something else',
    { status: 400, body: 'oops' },
    'FSQ_PUSH',
    /status 400; is there an fsq/,
  ],
  ['401', { status: 401, body: '' }, 'FSQ_DENIED', /wants a token, or another/],
  ['403', { status: 403, body: { error: why } }, 'FSQ_DENIED', /does not allow it.*no such name/],
  [
    '404 of a queue',
    { status: 404, body: { error: { ...why, code: 'FSQ_NO_QUEUE' } } },
    'FSQ_PUSH',
    /no such queue; "fsq install"/,
  ],
  ['404 of a page', { status: 404, body: '<html>' }, 'FSQ_PUSH', /is there an fsq at that address/],
  [
    'a redirection',
    { status: 302, headers: { Location: '/' }, body: '' },
    'FSQ_PUSH',
    /status 302; is there an fsq/,
  ],
  ['413', { status: 413, body: '' }, 'FSQ_PUSH_REFUSED', /too large for the remote/],
  ['429', { status: 429, body: '' }, 'FSQ_PUSH', /status 429/],
  ['500', { status: 500, body: '' }, 'FSQ_PUSH', /status 500/],
  ['503', { status: 503, body: { error: why } }, 'FSQ_PUSH', /no such name/],
  [
    '507',
    { status: 507, body: { error: { code: 'FSQ_ENQUEUE', message: 'no space' } } },
    'FSQ_PUSH',
    /says: no space/,
  ],
  ['a closed connection', { hangUp: true }, 'FSQ_PUSH', /the remote closed the connection/],
  ['silence', { silence: true }, 'FSQ_PUSH', /no answer within 0.2 s/],
  ['no JSON', { body: 'hello' }, 'FSQ_PUSH', /no JSON-RPC; is there an fsq/],
  ['other JSON', { body: [1] }, 'FSQ_PUSH', /no JSON-RPC; is there an fsq/],
  ['the answer to another call', { body: { id: 'x', result: 'y' } }, 'FSQ_PUSH', /another call/],
  ['another name', { body: { id: 'fsq', result: 'y' } }, 'FSQ_PUSH', /does not confirm the item/],
  ['nothing for a name', { body: { id: 'fsq', result: null } }, 'FSQ_PUSH', /does not confirm/],
  ['an endless answer', { body: 'x'.repeat(2e6) }, 'FSQ_PUSH', /longer than that of any fsq/],
  ['-32602', rpcError(-32602, 'bad name'), 'FSQ_PUSH_REFUSED', /the remote says: bad name/],
  [
    '-32603',
    rpcError(-32603, 'Server error:   File "x.py", line 1, in f | E: oops'),
    'FSQ_PUSH',
    /the remote says: E: oops$/,
  ],
  [
    '-32603 of no queue',
    rpcError(-32603, 'gone', { code: 'FSQ_NO_QUEUE' }),
    'FSQ_PUSH',
    /has no such queue/,
  ],
  ['-32700', rpcError(-32700, 'what?'), 'FSQ_PUSH', /the remote says: what\?/],
  ['an error that is none', { body: { id: 'fsq', error: 'x' } }, 'FSQ_PUSH', /does not say why/],
]

function rpcError(code: number, message: string, data?: object): Reply {
  return { body: { jsonrpc: '2.0', id: 'fsq', error: { code, message, data } } }
}

for (const [name, reply, code, message] of troubles) {
  t.test(`${name} is ${code}`, async (t) => {
    const server = await httpServer(t, (received) =>
      received.json['method'] === 'enqueue' ? reply : rpc(onlyText)(received),
    )
    const item = await itemOf(t, 'x')
    const address = server.address.replace('//', '//me:secret@')
    const error = await failure(opened(t, address, { timeout: 0.2 }).push(item, 'mail'))
    t.match(error, { code, message, id: item.id, queue: 'q' })
    t.match(error.message, `cannot push ${item.id} to mail at ${server.address}: `)
    t.notMatch(`${error.message} ${String(error.stack)} ${JSON.stringify(error)}`, /secret/)
    t.equal(item.outcome, undefined, 'the item is as it was')
  })
}

t.test('what a remote says is passed on, but not at any length', async (t) => {
  const server = await httpServer(t, (received) =>
    received.json['method'] === 'enqueue'
      ? rpcError(-32603, 'x'.repeat(1e5))
      : rpc(onlyText)(received),
  )
  const error = await failure(opened(t, server.address).push(await itemOf(t, 'x'), 'mail'))
  t.ok(error.message.length < 1000)
})

t.test('a body that the wire does not carry is refused before it is sent', async (t) => {
  const server = await httpServer(t, rpc(onlyText))
  const remote = opened(t, server.address)
  const bytes = await itemOf(t, Buffer.from([0xff]))
  await t.rejects(remote.push(bytes, 'mail'), {
    code: 'FSQ_PUSH_REFUSED',
    message: /no text in utf8, and the remote takes only text/,
  })
  const large = await itemOf(t, 'x')
  Object.defineProperty(large, 'size', { value: 64 * 1024 * 1024 + 1 })
  await t.rejects(remote.push(large, 'mail'), {
    code: 'FSQ_PUSH_REFUSED',
    message: /67108865 bytes, and without PUT the remote takes at most 67108864/,
  })
  t.equal(server.received.length, 1, 'only its methods were asked for')
})

t.test('a remote that is not there', async (t) => {
  const item = await itemOf(t, 'x')
  const directory = temporaryDirectory(t)
  writeFileSync(`${directory}/file`, '')
  const server = await httpServer(t, rpc(onlyText))
  await server.close()
  for (const [address, message] of [
    [server.address, /nobody listens there; is fsq jsonrpcd running\?/],
    [server.address.replace('127.0.0.1', 'localhost'), /nobody listens there/],
    [`unix://${directory}/none`, /no such socket; is fsq jsonrpcd running\?/],
    [`unix://${directory}/file`, /nobody listens there/],
    ['http://no-such-host.invalid/', /there is no such host|EAI_AGAIN/],
  ] as const) {
    await t.rejects(push(item, address, 'mail'), { code: 'FSQ_PUSH', message }, address)
  }
})

t.test('a unix socket does as well', async (t) => {
  const server = await httpServer(t, rpc(onlyText), {
    socketPath: `${temporaryDirectory(t)}/socket`,
  })
  t.match(server.address, /^unix:\/\/\//)
  const item = await itemOf(t, 'x')
  t.equal(await opened(t, server.address).push(item, 'mail'), item.id)
  t.match(server.received[0], { path: '/', headers: { host: 'localhost' } })
})

t.test('a token is sent, or else the credentials of the address', async (t) => {
  const server = await httpServer(t, rpc(onlyText))
  const item = await itemOf(t, 'x')
  const withCredentials = server.address.replace('//', '//me:pass@')
  await push(item, server.address, 'mail')
  await push(item, server.address, 'mail', { token: 'a-token' })
  await push(item, withCredentials, 'mail')
  await push(item, withCredentials, 'mail', { token: 'a-token' })
  t.strictSame(
    server.received
      .filter(({ json }) => json['method'] === 'enqueue')
      .map(({ headers }) => headers.authorization),
    [undefined, 'Bearer a-token', `Basic ${btoa('me:pass')}`, 'Bearer a-token'],
  )
})

t.test('a connection is kept, and there are no more than asked for', async (t) => {
  const server = await httpServer(t, rpc(onlyText))
  const item = await itemOf(t, 'x')
  const remote = opened(t, server.address, { connections: 2 })
  for (let i = 0; i < 5; i++) await remote.push(item, 'mail')
  t.equal(server.connections(), 1)
  await Promise.all(Array.from({ length: 8 }, () => remote.push(item, 'mail')))
  t.equal(server.connections(), 2)
})

t.test('a kept connection that the remote has closed is no error', async (t) => {
  const sockets: Socket[] = []
  let requests = 0
  const server = createServer((socket) => {
    sockets.push(socket)
    let got = ''
    socket.on('error', () => undefined)
    socket.on('data', (piece) => {
      got += piece.toString('latin1')
      const [head = '', body = ''] = got.split('\r\n\r\n')
      const [, length] = /content-length: (\d+)/i.exec(head) ?? []
      if (!got.includes('\r\n\r\n') || body.length < Number(length)) return
      got = ''
      requests++
      // The third request finds that the connection is no more.
      if (requests === 3) {
        socket.resetAndDestroy()
        return
      }
      const { method, params } = JSON.parse(body) as { method: string; params: string[] }
      const result = method === 'enqueue' ? params[0] : ['enqueue']
      const text = JSON.stringify({ id: 'fsq', result })
      const start = `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n`
      socket.write(Buffer.from(start + text, 'latin1'))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const remote = opened(t, `http://127.0.0.1:${port}/`)
  const item = await itemOf(t, 'x')
  await remote.push(item, 'mail')
  t.equal(await remote.push(item, 'mail'), item.id)
  t.equal(sockets.length, 2)
})

t.test('a push can be aborted', async (t) => {
  const server = await httpServer(t, (received) =>
    received.json['method'] === 'enqueue' ? { silence: true } : rpc(onlyText)(received),
  )
  const remote = opened(t, server.address)
  const item = await itemOf(t, 'x')
  await remote.methods()
  const reason = new Error('enough')
  const controller = new AbortController()
  const pushed = remote.push(item, 'mail', { signal: controller.signal })
  setImmediate(() => {
    controller.abort(reason)
  })
  await t.rejects(pushed, reason)
  await t.rejects(remote.push(item, 'mail', { signal: AbortSignal.abort(reason) }), reason)
})

t.test('an item that cannot be read is no trouble of the remote', async (t) => {
  const server = await httpServer(t, rpc(onlyText))
  const item = await itemOf(t, 'x')
  item.close()
  await t.rejects(opened(t, server.address).push(item, 'mail'), { code: 'FSQ_NO_ITEM' })
})

t.test('a name that no queue can have is not sent', async (t) => {
  const server = await httpServer(t, rpc(onlyText))
  const remote = opened(t, server.address)
  const item = await itemOf(t, 'x')
  for (const name of ['', '.', '..', 'a/b', 'a\0', '\ud800'])
    await t.rejects(remote.push(item, name), { code: 'FSQ_PATH' }, JSON.stringify(name))
  await t.rejects(remote.triggerPull('a/b'), { code: 'FSQ_PATH' })
  await t.rejects(remote.isDown('..'), { code: 'FSQ_PATH' })
  await t.rejects(remote.push(item, 1 as never), TypeError)
  t.strictSame(server.received, [])
})

t.test('the trigger of a remote is pulled', async (t) => {
  const server = await httpServer(t, rpc(onlyText))
  await remoteTriggerPull(server.address, 'mail')
  await opened(t, server.address).triggerPull('mail', { ignoreListener: true })
  t.strictSame(
    server.received.map(({ json: { method, params } }) => ({ method, params })),
    [false, true].map((ignore_listener) => ({
      method: 'trigger_pull',
      params: { queue: 'mail', ignore_listener },
    })),
  )
})

t.test('a trigger that cannot be pulled is FSQ_REMOTE', async (t) => {
  const server = await httpServer(t, () => rpcError(-32603, 'nobody listens'))
  await t.rejects(remoteTriggerPull(server.address, 'mail'), {
    code: 'FSQ_REMOTE',
    message: `cannot pull the trigger of mail at ${server.address}: the remote says: nobody listens`,
  })
  const denying = await httpServer(t, () => ({ status: 401, body: '' }))
  await t.rejects(remoteTriggerPull(denying.address, 'mail'), { code: 'FSQ_DENIED' })
})

t.test('whether a queue is down, and what there is, can be asked', async (t) => {
  const server = await httpServer(
    t,
    rpc({ ...onlyText, is_down: (params: string[]) => params.length === 2 }),
  )
  const remote = opened(t, server.address)
  t.equal(await remote.isDown('mail'), false)
  t.equal(await remote.isDown('mail', { host: 'h' }), true)
  t.match(server.received.at(-1)?.json, { method: 'is_down', params: ['mail', 'h'] })
  t.ok((await remote.methods()).includes('enqueue'))
})

const misuse: [object, RegExp][] = [
  [{ timeout: 0 }, /`timeout`/],
  [{ timeout: '1' }, /`timeout`/],
  [{ connections: 0 }, /`connections`/],
  [{ connections: 1.5 }, /`connections`/],
  [{ token: 'secret word' }, /`token`/],
  [{ token: '' }, /`token`/],
  [{ tokn: 'x' }, /got tokn/],
]
for (const [options, message] of misuse) {
  t.test(`${JSON.stringify(options)} is a mistake`, async (t) => {
    t.throws(() => openRemote('http://localhost/', options), { name: 'TypeError', message })
    t.throws(() => openRemote('http://localhost/', options), /^(?!.*secret)/)
  })
}

t.test('a remote that is open is reached as it was opened', async (t) => {
  const server = await httpServer(t, rpc(onlyText))
  const remote = opened(t, server.address)
  const item = await itemOf(t, 'x')
  await t.rejects(push(item, remote, 'mail', { token: 'x' }), TypeError)
  t.equal(await push(item, remote, 'mail'), item.id)
})
