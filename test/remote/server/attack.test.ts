import { mkdirSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { ServerOptions } from '../../../lib/remote/index.js'
import { eventually } from '../../helpers/cli.js'
import { itemName } from '../../helpers/entries.js'
import { type Raw, type Served, served } from '../../helpers/serve.js'
import { snapshot } from '../../helpers/snapshot.js'
import { contentsOf, nothing } from '../../helpers/temporary.js'

/*
 * What somebody may try who can reach the server: to write where nothing is to be written, to take all of
 * its memory, its connections or its time. After each attempt nothing is there that was not there before,
 * and another client is served.
 */

const id = itemName({ args: ['x'] })
const path = `/queues/q/items/${id}`
const head = 'Host: localhost\r\nContent-Type: application/json-rpc\r\n'

/** A server, and a look whether it stands as it stood. */
async function target(
  t: Test,
  options: ServerOptions = {},
): Promise<Served & { readonly stands: () => Promise<void> }> {
  const one = await served(t, options)
  const { root } = one.root.settings
  mkdirSync(`${root}/.hidden/queue`, { recursive: true })
  mkdirSync(`${root}/.hidden/tmp`, { recursive: true })
  await one.queue.installHost('h')
  writeFileSync(`${root}/precious`, 'precious')
  writeFileSync(`${one.queue.path}/precious`, 'precious')
  // Without the times: what is refused in the middle was in tmp/.
  const entries = (): string[] => snapshot(root).map((line) => line.replace(/( \S+){2}$/, ''))
  const before = entries()
  const stands = async (): Promise<void> => {
    t.strictSame(entries(), before, 'nothing was written, nothing is left')
    t.match(await one.call('api_version'), { result: '1.0' }, 'and others are served')
    t.strictSame(one.errors, [])
  }
  return { ...one, stands }
}

const evil = [
  '..',
  '.',
  '',
  '/',
  '../precious',
  '../../precious',
  '../../../../../../../../tmp/fsq-evil',
  '/tmp/fsq-evil',
  'q/../precious',
  '.hidden',
  'q/hosts/h',
  'q/h',
  'q\0',
  '\0',
  '..\\precious',
  '%2e%2e%2fprecious',
  '..%2fprecious',
  'precious',
  'x'.repeat(300),
  'ü'.repeat(200),
  '\ud800',
  '\n',
  '__proto__',
  'constructor',
  `../queue/${id}`,
  `../../.hidden/queue/${id}`,
]

t.test('no name in a call leads anywhere', async (t) => {
  const { call, stands } = await target(t)
  for (const name of evil) {
    const calls: readonly (readonly [string, readonly unknown[]])[] = [
      ['enqueue', [id, name, 'evil']],
      ['enqueue_base64', [id, name, 'AAAA']],
      ['is_down', [name]],
      ['trigger_pull', [name, true]],
      ['trigger_pull', ['q', true, name]],
      ['enqueue', [name, 'q', 'evil']],
      ['enqueue_base64', [name, 'q', 'AAAA']],
      ['enqueue_url', [name, 'q']],
    ]
    for (const [method, params] of calls)
      t.match(
        await call(method, params),
        { error: { code: Number, message: /./ } },
        `${method} ${JSON.stringify(params).slice(0, 60)}`,
      )
  }
  for (const host of evil.filter((name) => !/^[a-z_%\\.]+$/.test(name) || name.startsWith('.')))
    t.match(await call('is_down', ['q', host]), { error: {} }, `host ${JSON.stringify(host)}`)
  await stands()
})

const encoded = [
  '/queues/../precious',
  '/queues/../../precious',
  `/queues/%2e%2e/items/${id}`,
  `/queues/%2E%2E%2F/items/${id}`,
  `/queues/q%2f..%2f/items/${id}`,
  `/queues/q%2fhosts%2fh/items/${id}`,
  `/queues/q/h/items/${id}`,
  `/queues/.hidden/items/${id}`,
  `/queues/%2ehidden/items/${id}`,
  `/queues/q%00/items/${id}`,
  `/queues//items/${id}`,
  `/queues/q/items/..`,
  `/queues/q/items/%2e%2e`,
  `/queues/q/items/%2e%2e%2fqueue%2f${id}`,
  `/queues/q/items/..%2f..%2f.hidden%2fqueue%2f${id}`,
  `/queues/q/items/${id}%00`,
  `/queues/q/items/${id}%2f`,
  `/queues/q/items/${id}%2f..%2fy`,
  `/queues/q/items/${id}%`,
  `/queues/q/items/${id}%f`,
  `/queues/q/items/${id}%zz`,
  `/queues/q/items/${id}%ff`,
  `/queues/q/items/${id}%c0%af`,
  `/queues/q/items/${id}%ed%a0%80`,
  `/queues/q/items/${id}%u2215`,
  `/queues/q/items/${id}\\..\\x`,
  `/queues/q/items/${id}#x`,
  `/queues/q/items/${id};x=y/`,
  `/queues/q/items/${'%41'.repeat(300)}`,
  `http://localhost/queues/q/items/${id}`,
  `//queues/q/items/${id}`,
  `/RPC2/../queues/q/items/${id}`,
  '*',
]

t.test('no path leads anywhere', async (t) => {
  const { open, stands } = await target(t)
  for (const each of encoded) {
    const { write, until, socket } = await open()
    write(`PUT ${each} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nevil`)
    t.match(await until(/\r\n\r\n/), /^HTTP\/1.1 4\d\d /, each)
    socket.destroy()
  }
  await stands()
})

t.test('what is escaped twice is a name with an escape, and nothing else', async (t) => {
  const { send, queue } = await served(t)
  const name = itemName({ args: ['..%2f..%2fx'] })
  t.equal(
    (await send({ method: 'PUT', path: `/queues/q/items/${encodeURIComponent(name)}` })).status,
    201,
  )
  t.strictSame(contentsOf(queue), { ...nothing, queue: [name] })
})

const messages: readonly [what: string, text: () => string | Buffer][] = [
  ['nothing', () => ''],
  ['half of JSON', () => '{"jsonrpc":"2.0","id":1,"meth'],
  ['100,000 lists in lists', () => `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ['100,000 objects in objects', () => `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
  ['lists in an id', () => `{"id":${'['.repeat(100_000)}${']'.repeat(100_000)},"method":"m"}`],
  ['a batch of a million', () => `[${'{"id":1,"method":"api_version"},'.repeat(400_000)}1]`],
  ['a million ones', () => `[${'1,'.repeat(1_000_000)}1]`],
  ['15 MB of brackets', () => '[]'.repeat(7_500_000)],
  ['a number of a million digits', () => `{"id":${'9'.repeat(1_000_000)},"method":1}`],
  ['bytes that are no text', () => Buffer.alloc(100_000, 0xff)],
  ['a long method', () => JSON.stringify({ id: 1, method: 'm'.repeat(1_000_000) })],
  ['a long id', () => JSON.stringify({ id: 'i'.repeat(1_000_000), method: 'nosuch' })],
  ['a class', () => '{"__jsonclass__":["os.system",["id"]],"id":1,"method":"enqueue"}'],
  ['a prototype', () => '{"id":1,"method":"enqueue","params":{"__proto__":{"fsq_id":"x"}}}'],
  ['a constructor', () => '{"id":1,"method":"enqueue","params":{"constructor":{"prototype":{}}}}'],
]

for (const [what, text] of messages)
  t.test(`a message that is ${what} is refused in no time`, async (t) => {
    const { post, stands, events } = await target(t)
    const began = performance.now()
    const answer = await post(text())
    t.ok(performance.now() - began < 5000)
    t.equal(answer.status, 200)
    t.match(JSON.parse(answer.text), { error: { code: Number, message: /^.{1,500}$/s } })
    t.ok(JSON.stringify(events).length < 5000, 'the log stays short')
    t.notOk('fsq_id' in {})
    await stands()
  })

const framings: readonly [what: string, text: string][] = [
  ['two lengths', `Content-Length: 4\r\nContent-Length: 5\r\n\r\nevil`],
  ['a list of lengths', `Content-Length: 4, 4\r\n\r\nevil`],
  ['a length and chunks', `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['chunks and a length', `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`],
  ['a negative length', `Content-Length: -1\r\n\r\n`],
  ['a length in hex', `Content-Length: 0x4\r\n\r\nevil`],
  ['a length with a sign', `Content-Length: +4\r\n\r\nevil`],
  ['a length beyond numbers', `Content-Length: ${'9'.repeat(40)}\r\n\r\n`],
  ['another coding', `Transfer-Encoding: gzip\r\n\r\n`],
  ['two codings', `Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['a coding that looks like chunked', `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['a chunk without a size', `Transfer-Encoding: chunked\r\n\r\nxyz\r\n`],
  ['a chunk of a negative size', `Transfer-Encoding: chunked\r\n\r\n-1\r\n`],
  [
    'a chunk that is too long for its size',
    `Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n`,
  ],
  ['a space before the colon', `Content-Length : 4\r\n\r\nevil`],
  ['a folded header', `X: y\r\n Content-Length: 4\r\n\r\nevil`],
  ['line feeds alone', `Content-Length: 4\n\nevil`],
  ['a NUL in a header', `X: a\0b\r\nContent-Length: 4\r\n\r\nevil`],
  ['20,000 bytes of headers', `X: ${'x'.repeat(20_000)}\r\n\r\n`],
]

for (const [what, text] of framings)
  t.test(`a PUT with ${what} is refused, and the connection ends`, async (t) => {
    const { open, stands } = await target(t)
    const { write, closed } = await open()
    write(`PUT ${path} HTTP/1.1\r\nHost: localhost\r\n${text}`)
    // Were it taken for the end of a request, this would be the next.
    write(`POST / HTTP/1.1\r\n${head}Content-Length: 2\r\n\r\n{}`)
    const answer = await closed
    t.match(answer, /^(HTTP\/1.1 4\d\d |$)/)
    t.ok(answer.split('HTTP/1.1').length <= 2, 'what stands behind it is not served')
    await stands()
  })

t.test('what is no HTTP ends the connection', async (t) => {
  const { open, stands } = await target(t)
  for (const text of [
    '\0\0\0\0\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc',
    'GET\r\n\r\n',
    'SSH-2.0-x\r\n',
  ]) {
    const { write, closed } = await open()
    write(Buffer.from(text, 'latin1'))
    t.match(await closed, /^(HTTP\/1.1 400 |$)/)
  }
  await stands()
})

t.test('10 GB that are announced and do not come', async (t) => {
  const size = 10_000_000_000
  t.test('are refused where there is a limit', async (t) => {
    const { open, stands } = await target(t, { maxItem: 1_000_000 })
    for (const request of [`PUT ${path}`, 'POST /']) {
      const { write, until } = await open()
      write(
        `${request} HTTP/1.1\r\n${head.replace('Content-Type: application/json-rpc\r\n', request.startsWith('POST') ? 'Content-Type: application/json-rpc\r\n' : '')}Content-Length: ${size}\r\n\r\n`,
      )
      t.match(await until(/\r\n\r\n/), /^HTTP\/1.1 413 /)
    }
    await stands()
  })
  t.test('keep nobody waiting for long where there is none', async (t) => {
    const { open, stands, call, queue } = await target(t, { bodyTimeout: 1 })
    const { write, closed } = await open()
    const before = process.memoryUsage().rss
    write(`PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n\r\nx`)
    await eventually(() => contentsOf(queue)['tmp']?.length === 1)
    t.match(await call('api_version'), { result: '1.0' }, 'others are served meanwhile')
    t.match(await closed, /^HTTP\/1.1 408 /)
    t.ok(process.memoryUsage().rss - before < 50e6)
    await stands()
  })
})

/** Writes a little now and then, until the test ends. */
function drip(t: Test, write: () => unknown): void {
  const timer = setInterval(write, 50)
  t.teardown(() => {
    clearInterval(timer)
  })
}

t.test('a body that drips is not waited for', async (t) => {
  const { open, stands, nextEvent } = await target(t, { bodyTimeout: 1 })
  const { write, closed, socket } = await open()
  const event = nextEvent()
  write(`POST / HTTP/1.1\r\n${head}Content-Length: 1000\r\n\r\n`)
  drip(t, () => socket.write('x'))
  t.match(await closed, /^HTTP\/1.1 408 /)
  t.match(await event, { status: 408 })
  await stands()
})

t.test('a head that drips, or does not come, is not waited for', async (t) => {
  const { open, stands } = await target(t, { headTimeout: 1 })
  const silent = await open()
  const slow = await open()
  slow.write('POST / HTTP/1.1\r\n')
  drip(t, () => slow.socket.write('X: y\r\n'))
  t.match(await slow.closed, /^HTTP\/1.1 408 /)
  t.match(await silent.closed, /^(HTTP\/1.1 408 |$)/)
  await stands()
})

t.test('many connections that say nothing keep nobody out', async (t) => {
  const { open, stands, server } = await target(t, { maxConnections: 20 })
  const many = await Promise.all(Array.from({ length: 200 }, () => open()))
  await eventually(() => many.filter(({ socket }) => !socket.destroyed).length <= 20)
  for (let i = 0; i < 5; i++) await stands()
  t.ok(server.url)
})

t.test('many connections of which all are served leave the others for later', async (t) => {
  const { open, send, queue, stands } = await target(t, { maxConnections: 4 })
  const busy: Raw[] = []
  for (let i = 0; i < 4; i++) {
    const one = await open()
    one.write(`PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nx`)
    busy.push(one)
    await eventually(() => contentsOf(queue)['tmp']?.length === i + 1)
  }
  const answer = await send({ method: 'POST' })
  t.equal(answer.status, 503)
  t.equal(answer.headers['retry-after'], '1')
  for (const { socket } of busy) socket.destroy()
  await eventually(() => contentsOf(queue)['tmp']?.length === 0)
  await stands()
})

t.test('what comes on a connection that is refused is not served', async (t) => {
  const { open, queue, events, stands } = await target(t, { maxConnections: 1 })
  const busy = await open()
  busy.write(`PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nx`)
  await eventually(() => contentsOf(queue)['tmp']?.length === 1)
  const other = itemName({ entropy: 2 })
  const call = JSON.stringify({ id: 1, method: 'enqueue', params: [other, 'q', 'x'] })
  const requests = [
    `PUT /queues/q/items/${other} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`,
    `POST / HTTP/1.1\r\n${head}Content-Length: ${call.length}\r\n\r\n${call}`,
  ]
  for (const request of requests) {
    const { write, closed } = await open()
    write(request)
    t.match(await closed, /^HTTP\/1.1 503 Busy\r\nRetry-After: 1\r\n/)
  }
  busy.socket.destroy()
  await eventually(() => contentsOf(queue)['tmp']?.length === 0)
  await stands()
  t.strictSame(
    events.slice(0, 3).map(({ method, status }) => `${method} ${status}`),
    ['- 503', '- 503', 'PUT 0'],
  )
})

t.test(
  'large calls do not take all of the memory, and small ones are served beside them',
  async (t) => {
    const { open, post, stands, events } = await target(t, {
      maxBody: 1_000_000,
      maxBodies: 2_000_000,
    })
    const large: Raw[] = []
    for (let i = 0; i < 2; i++) {
      const one = await open()
      one.write(`POST / HTTP/1.1\r\n${head}Content-Length: 1000000\r\n\r\n${'x'.repeat(999_999)}`)
      large.push(one)
    }
    await eventually(() => large.every(({ socket }) => socket.writableLength === 0))
    for (let i = 0; i < 50; i++) await stands() // While it reads those.
    const big = `"${'x'.repeat(900_000)}"`
    t.equal((await post(big)).status, 503)
    await stands()
    const seen = events.length
    for (const { socket } of large) socket.destroy()
    await eventually(() => events.length === seen + 2)
    t.equal((await post(big)).status, 200, 'when they are gone there is room again')
  },
)

t.test('a client that reads no answer is not answered without end', async (t) => {
  const { open, stands, events } = await target(t)
  const { socket, write } = await open()
  socket.pause()
  const body = '{"id":1,"method":"system.listMethods"}'
  const request = `POST / HTTP/1.1\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`
  write(request.repeat(50_000))
  for (let before = -1; before !== events.length;) {
    before = events.length
    await setTimeout(300) // Nothing tells of what is not done.
  }
  await stands()
  t.ok(events.length < 50_000, `${events.length} of 50000 were`)
  socket.destroy()
})

t.test('the same request again and again adds nothing', async (t) => {
  const { call, send, queue } = await served(t)
  for (let i = 0; i < 20; i++) {
    t.match(await call('enqueue', [id, 'q', 'x']), { result: id })
    t.ok((await send({ method: 'PUT', path, body: 'y' })).status < 300)
  }
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})

t.test('requests on one connection are answered in order', async (t) => {
  const { open, queue } = await served(t)
  const { write, until } = await open()
  const put = (entropy: number): string =>
    `PUT /queues/q/items/${itemName({ entropy })} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`
  write(Array.from({ length: 20 }, (_, at) => put(at)).join(''))
  const text = await until(/(\{"id".*){20}/s)
  const order = [...text.matchAll(/\{"id":"_[0-9]+_([0-9]+)_/g)].map(([, at]) => Number(at))
  t.strictSame(
    order,
    Array.from({ length: 20 }, (_, at) => at),
  )
  t.equal(contentsOf(queue)['queue']?.length, 20)
})

t.test('many items on one connection are written one at a time', async (t) => {
  const { open, queue, nextEvent, events } = await served(t)
  const { write, socket } = await open()
  socket.resume()
  const count = 300
  const put = (entropy: number): string =>
    `PUT /queues/q/items/${itemName({ entropy })} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`
  let event = nextEvent()
  write(Array.from({ length: count }, (_, at) => put(at)).join(''))
  let most = 0
  while (events.length < count) {
    await event
    most = Math.max(most, contentsOf(queue)['tmp']?.length ?? 0)
    event = nextEvent()
  }
  t.ok(most <= 1, `${most} were under way at once`)
  t.equal(contentsOf(queue)['queue']?.length, count)
})

t.test('one that waits for another is told in its turn that its body is wanted', async (t) => {
  const { open } = await served(t)
  const { write, until } = await open()
  const put = (entropy: number, headers = ''): string =>
    `PUT /queues/q/items/${itemName({ entropy })} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n${headers}\r\n`
  write(`${put(0)}x${put(1, 'Expect: 100-continue\r\n')}`)
  t.match(
    await until(/ 100 Continue\r\n\r\n/),
    /^HTTP\/1.1 201 [^]*\}HTTP\/1.1 100 Continue\r\n\r\n$/,
  )
  write('x')
  t.match(await until(/ 100 Continue\r\n\r\n[^]*\}/), /Continue\r\n\r\nHTTP\/1.1 201 /)
})

t.test('at the end no item is taken that is not confirmed', async (t) => {
  const { open, server, queue, nextEvent } = await served(t)
  const { write, closed } = await open()
  const put = (entropy: number): string =>
    `PUT /queues/q/items/${itemName({ entropy })} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`
  const event = nextEvent()
  write(Array.from({ length: 200 }, (_, at) => put(at)).join(''))
  await event
  await server.close()
  const confirmed = (await closed).split('HTTP/1.1 201 ').length - 1
  t.ok(confirmed > 0)
  t.equal(contentsOf(queue)['queue']?.length, confirmed)
})
