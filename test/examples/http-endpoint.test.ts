import { once } from 'node:events'
import { readFileSync, renameSync } from 'node:fs'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { check, type Place, place, type Started, startProgram } from '../helpers/cli.js'
import { contentsOf, entriesOf } from '../helpers/temporary.js'

const program = fileURLToPath(new URL('../../examples/http-endpoint/server.mjs', import.meta.url))

interface Server extends Place {
  readonly server: Started
  readonly url: string
}

/** The server, with the queue that it enqueues in. */
async function serve(t: Test): Promise<Server> {
  const here = await place(t)
  await here.root.install('mail')
  const server = startProgram(process.execPath, [program], { env: { ...here.env, PORT: '0' } })
  t.teardown(async () => {
    server.kill('SIGKILL')
    await server.exited
  })
  return { ...here, server, url: await server.line() }
}

const json = { 'content-type': 'application/json' }
const mail = { to: 'alice@example.org', template: 'welcome' }

async function post(
  url: string,
  body: string,
  headers: Record<string, string> = json,
): Promise<{ status: number; headers: Headers; answer: unknown }> {
  const response = await fetch(url, { method: 'POST', body, headers })
  return { status: response.status, headers: response.headers, answer: await response.json() }
}

t.test('202 means that the item is in the queue', async (t) => {
  const { url, root } = await serve(t)
  const queue = root.queue('mail')
  const { status, answer } = await post(url, JSON.stringify({ ...mail, admin: true }))
  const [id = ''] = entriesOf(queue.context.paths.queue)
  t.strictSame([status, answer], [202, { id }])
  t.match(id, /_welcome$/)
  const body: unknown = JSON.parse(readFileSync(`${queue.context.paths.queue}/${id}`, 'utf8'))
  t.strictSame(body, mail)
  await queue.down()
  t.equal((await post(url, JSON.stringify(mail))).status, 202, 'a queue that is down takes items')
})

t.test('what makes no sense is refused, and not enqueued', async (t) => {
  const { url, root } = await serve(t)
  const long = JSON.stringify({ ...mail, to: `${'a'.repeat(70_000)}@example.org` })
  const cases: readonly (readonly [number, string, Record<string, string>?])[] = [
    [400, '{"to":'],
    [400, ''],
    [422, 'null'],
    [422, '[]'],
    [422, JSON.stringify({ ...mail, to: ['a@b'] })],
    [422, JSON.stringify({ ...mail, to: 'a@b\r\nBcc: c@d' })],
    [422, JSON.stringify({ ...mail, template: '../../etc/passwd' })],
    [415, JSON.stringify(mail), { 'content-type': 'text/plain' }],
    [413, long],
  ]
  for (const [expected, body, headers] of cases) {
    const { status, answer } = await post(url, body, headers)
    t.equal(status, expected, body.slice(0, 40))
    t.match(answer, { error: /./ })
  }
  const get = await fetch(url)
  t.strictSame([get.status, get.headers.get('allow')], [405, 'POST'])
  t.strictSame(contentsOf(root.queue('mail'))['queue'], [])
})

t.test('a body that does not say its length is cut off, too', async (t) => {
  const { url, root } = await serve(t)
  // One byte too many, and then nothing: the answer comes before the end of the request. Were more
  // on its way, the server's close could cut the client off while it writes (EPIPE), not answered.
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(Buffer.alloc(64 * 1024 + 1, ' '))
    },
  })
  const init = { method: 'POST', body, headers: json, duplex: 'half' } as const
  const { status } = await fetch(url, init)
  t.equal(status, 413)
  t.strictSame(contentsOf(root.queue('mail'))['queue'], [])
})

t.test('503 while the queue is away, and 202 when it is back', async (t) => {
  const { url, root } = await serve(t)
  const { path } = root.queue('mail')
  renameSync(path, `${path}-away`)
  const { status, headers, answer } = await post(url, JSON.stringify(mail))
  t.strictSame(
    [status, answer, headers.get('retry-after')],
    [503, { error: 'not now' }, '30'],
    'and nothing of where it is',
  )
  renameSync(`${path}-away`, path)
  t.equal((await post(url, JSON.stringify(mail))).status, 202)
  t.equal(contentsOf(root.queue('mail'))['queue']?.length, 1)
})

t.test('SIGTERM answers the request that has come in, and ends', async (t) => {
  const { url, server, root } = await serve(t)
  const body = JSON.stringify(mail)
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect')
  const head = `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n`
  socket.write(`${head}Content-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`)
  const [goOn] = (await once(socket, 'data')) as [Buffer]
  t.match(goOn.toString(), /^HTTP\/1.1 100 /) // So it has come in.
  server.kill('SIGTERM')
  socket.write(body)
  const answer: Buffer[] = []
  for await (const piece of socket) answer.push(piece as Buffer)
  t.match(Buffer.concat(answer).toString(), /^HTTP\/1.1 202 /)
  check(t, await server.ended, { stdout: `${url}\n` })
  t.equal(contentsOf(root.queue('mail'))['queue']?.length, 1)
})
