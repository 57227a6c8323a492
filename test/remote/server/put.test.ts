import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { bytesOf } from '../../helpers/bytes.js'
import { eventually } from '../../helpers/cli.js'
import { itemName, putEntry } from '../../helpers/entries.js'
import { served } from '../../helpers/serve.js'
import { contentsOf, entriesOf, nothing } from '../../helpers/temporary.js'
import { overflowing } from '../../helpers/timers.js'

const id = itemName({ args: ['x'] })
const path = `/queues/q/items/${id}`

t.test('the bytes of a PUT are those of the item', async (t) => {
  const { send, queue, events } = await served(t)
  const body = bytesOf(3_000_001)
  const headers = { 'Content-Type': 'application/octet-stream' }
  const { status, text } = await send({ method: 'PUT', path, body, headers })
  t.strictSame([status, JSON.parse(text)], [201, { id }])
  t.ok(readFileSync(`${queue.path}/queue/${id}`).equals(body))
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  t.match(events, [{ method: 'PUT', path, queue: 'q', id, status: 201, bytes: body.length }])
})

t.test('a body may be empty, and may come in chunks', async (t) => {
  const { open, send, queue } = await served(t)
  t.equal((await send({ method: 'PUT', path })).status, 201)
  const { write, until } = await open()
  const other = itemName({ entropy: 1 })
  write(`PUT /queues/q/items/${other} HTTP/1.1\r\nHost: localhost\r\n`)
  write('Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n')
  await eventually(() => contentsOf(queue)['tmp']?.length === 1)
  t.strictSame(contentsOf(queue)['queue'], [id], 'not before its end')
  write('2\r\n, \r\n3\r\nall\r\n0\r\n\r\n')
  t.match(await until(/\}/), /^HTTP\/1.1 201 Created\r\n/)
  t.equal(readFileSync(`${queue.path}/queue/${other}`, 'utf8'), 'body, all')
})

t.test('a request may have longer than a timer of Node.js can wait', async (t) => {
  const limits = { bodyTimeout: 3_000_000, headTimeout: 4_294_968 } // 2^32 ms, and 704.
  const { open, queue } = await served(t, limits)
  const { write, until } = await open()
  const warnings = await overflowing(async () => {
    write(`PUT ${path} HTTP/1.1\r\nHost: localhost\r\n`)
    await setTimeout(2500)
    write('Content-Length: 4\r\n\r\nbo')
    await eventually(() => contentsOf(queue)['tmp']?.length === 1)
  })
  write('dy')
  t.match(await until(/\}/), /^HTTP\/1.1 201 Created\r\n/)
  t.strictSame(warnings, [])
})

t.test('a client that waits to be told is told, or refused before it sends', async (t) => {
  const { open, queue } = await served(t, { maxItem: 1000 })
  const expecting = async (to: string, length: number): Promise<string> => {
    const { write, until, socket } = await open()
    write(`PUT ${to} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n`)
    write('Expect: 100-continue\r\n\r\n')
    const text = await until(/\r\n\r\n/)
    if (!text.startsWith('HTTP/1.1 100')) return text.slice(0, 12)
    write('x'.repeat(length))
    const answer = await until(/\}/)
    socket.destroy()
    return answer.slice(0, 37).trim().replaceAll('\r\n', ' ')
  }
  t.equal(await expecting(path, 1000), 'HTTP/1.1 100 Continue  HTTP/1.1 201')
  t.equal(await expecting(path, 1000), 'HTTP/1.1 200', 'it is there: no need to send it')
  t.equal(await expecting(path.replace('_0_1', '_1_1'), 1001), 'HTTP/1.1 413')
  t.equal(await expecting('/queues/nosuch/items/x', 1), 'HTTP/1.1 400')
  t.equal(await expecting(`/queues/nosuch/items/${id}`, 1), 'HTTP/1.1 404')
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})

t.test('an item that is there stays as it is, and its body is not looked at', async (t) => {
  const { open, queue } = await served(t)
  putEntry(queue.context.paths.queue, id, 'precious')
  const { write, until } = await open()
  write(`PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n`)
  t.match(await until(/\}/), /^HTTP\/1.1 200 OK\r\n/)
  t.equal(readFileSync(`${queue.path}/queue/${id}`, 'utf8'), 'precious')
})

t.test('a client that goes away in the middle leaves nothing', async (t) => {
  const { open, queue, nextEvent } = await served(t)
  for (const head of ['Content-Length: 1000', 'Transfer-Encoding: chunked']) {
    const { write, socket } = await open()
    write(`PUT ${path} HTTP/1.1\r\nHost: localhost\r\n${head}\r\n\r\n100\r\n${'x'.repeat(200)}`)
    await eventually(() => contentsOf(queue)['tmp']?.length === 1)
    const event = nextEvent()
    socket.destroy()
    t.match(await event, { status: 0, error: { message: /ended before its end/ } })
    t.strictSame(contentsOf(queue), nothing)
  }
})

t.test('a body that is larger than allowed is refused, announced or not', async (t) => {
  const { send, open, queue, events } = await served(t, { maxItem: 1000 })
  t.equal((await send({ method: 'PUT', path, body: 'x'.repeat(1001) })).status, 413)
  const { write, until } = await open()
  write(`PUT ${path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n`)
  for (let i = 0; i < 11; i++) write(`64\r\n${'x'.repeat(100)}\r\n`)
  t.match(await until(/\}/), /^HTTP\/1.1 413 /)
  t.strictSame(contentsOf(queue), nothing)
  t.match(events, [{ status: 413 }, { status: 413 }])
})

const refused: readonly [what: string, sent: object, status: number][] = [
  ['another type', { headers: { 'Content-Type': 'text/plain' } }, 415],
  ['a form', { headers: { 'Content-Type': 'multipart/form-data; boundary=x' } }, 415],
  ['a coding', { headers: { 'Content-Encoding': 'gzip' } }, 415],
  ['a part of an item', { headers: { 'Content-Range': 'bytes 0-1/2' } }, 400],
  ['another method', { method: 'POST' }, 405],
  ['another method', { method: 'DELETE' }, 405],
  ['a query', { path: `${path}?mode=777` }, 404],
  ['no item', { path: '/queues/q/items/' }, 400],
  ['no item', { path: '/queues/q/items' }, 404],
  ['another path', { path: `${path}/x` }, 404],
  ['another path', { path: `/queues/q/done/${id}` }, 404],
  ['another path', { path: `//queues/q/items/${id}` }, 404],
]

for (const [what, sent, status] of refused)
  t.test(`a PUT with ${what} is refused: ${JSON.stringify(sent)}`, async (t) => {
    const { send, queue, root } = await served(t)
    const answer = await send({ method: 'PUT', path, body: 'x', ...sent })
    t.equal(answer.status, status)
    t.match(JSON.parse(answer.text), { error: { code: /^FSQ_/, message: /./ } })
    t.strictSame(contentsOf(queue), nothing)
    t.strictSame(entriesOf(root.settings.root), ['q'])
  })

t.test('a PUT needs a length, or chunks', async (t) => {
  const { open } = await served(t)
  const { write, until } = await open()
  write(`PUT ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  t.match(await until(/\}/), /^HTTP\/1.1 411 /)
})

t.test('a large body takes no memory', async (t) => {
  const { open, queue } = await served(t)
  const { write, socket, until } = await open()
  const size = 256 * 1024 * 1024
  write(`PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n\r\n`)
  const piece = Buffer.alloc(1024 * 1024)
  const before = process.memoryUsage().rss
  let most = 0
  for (let sent = 0; sent < size; sent += piece.length) {
    if (!socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve))
    most = Math.max(most, process.memoryUsage().rss - before)
  }
  await until(/201/)
  t.equal(readFileSync(`${queue.path}/queue/${id}`).length, size)
  t.ok(most < size / 2, `${Math.round(most / 1024 / 1024)} MiB more than before`)
})
