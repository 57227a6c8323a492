import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { createServer, type ServerOptions } from '../../lib/remote/index.js'
import { type PushEvent, pushItems } from '../../lib/remote/push-items.js'
import { openRemote, type Remote, type RemoteOptions } from '../../lib/remote/remote.js'
import type { Queue } from '../../lib/root/queue.js'
import { parseAddress } from '../../lib/remote/address.js'
import { Connections } from '../../lib/remote/connections.js'
import { sendItem } from '../../lib/remote/send-item.js'
import { Wire } from '../../lib/remote/wire.js'
import { certificates, withoutOpenssl } from '../helpers/certificates.js'
import { type Served, served } from '../helpers/serve.js'
import { contentsOf, nothing, temporaryDirectory, temporaryQueue } from '../helpers/temporary.js'

/* Our push to our server. */

interface Both extends Served {
  /** The queue here. */
  readonly source: Queue
  readonly remote: Remote
}

async function both(
  t: Test,
  options: ServerOptions = {},
  remoteOptions: RemoteOptions = {},
): Promise<Both> {
  const there = await served(t, options)
  const remote = openRemote(`http://127.0.0.1:${there.port}/`, remoteOptions)
  t.teardown(() => {
    remote.close()
  })
  return { ...there, source: await temporaryQueue(t), remote }
}

async function fill(queue: Queue, count: number): Promise<string[]> {
  return queue.enqueueMany(Array.from({ length: count }, (_, i) => ({ body: `body ${i}` })))
}

async function bodyOf(queue: Queue, id: string): Promise<Buffer> {
  using item = await queue.claim(id)
  return await item.bytes() // Before it is closed.
}

const bodies: Readonly<Record<string, Buffer>> = {
  nothing: Buffer.alloc(0),
  text: Buffer.from('Dear Älice\r\n\0'),
  bytes: Buffer.from([0, 0xff, 0xfe, 0x80, 0x0a]),
  '64 KiB and a byte': Buffer.alloc(64 * 1024 + 1, '\xff\0x', 'latin1'),
  '20 MB': Buffer.alloc(20_000_000, '\xff\0x\n', 'latin1'),
}

t.test('whatever the body is, the same bytes arrive under the same name', async (t) => {
  const { source, queue, remote, errors } = await both(t)
  const sent = new Map<string, Buffer>()
  for (const [name, body] of Object.entries(bodies))
    sent.set(await source.enqueue(body, [name, 'ä/%_', '', '..']), body)
  t.strictSame(await pushItems(source, remote, 'q'), { pushed: sent.size, refused: 0, left: 0 })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [...sent.keys()].sort() })
  for (const [id, body] of sent)
    t.ok((await bodyOf(queue, id)).equals(body), `${body.length} bytes`)
  t.strictSame(contentsOf(source), { ...nothing, done: [...sent.keys()].sort() })
  t.strictSame(errors, [])
})

t.test('each way that an item may take leads to the same', async (t) => {
  for (const way of ['enqueue', 'enqueue_base64', 'enqueue_url']) {
    const { source, queue, remote, port, events } = await both(t)
    t.ok((await remote.methods()).includes(way))
    const address = parseAddress(`http://127.0.0.1:${port}/`)
    const options = { connections: 1, timeout: 10, authorization: undefined, tls: {} }
    using wire = new Wire(address, new Connections(address, options))
    const body = Buffer.from('Dear Älice\0')
    const id = await source.enqueue(body, ['x'])
    using item = await source.claim(id)
    await sendItem(wire, item, 'q', new Set([way]))
    t.ok((await bodyOf(queue, id)).equals(body))
    t.match(events.at(-1), way === 'enqueue_url' ? { method: 'PUT' } : { call: way })
  }
})

t.test('what is there already is success, and stays as it is', async (t) => {
  const { source, queue, remote } = await both(t)
  const id = await source.enqueue('one', [])
  using item = await source.claim(id)
  t.equal(await remote.push(item, 'q'), id)
  t.equal(await remote.push(item, 'q'), id)
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})

t.test('many at a time, over one connection or many', async (t) => {
  for (const connections of [1, 16]) {
    const { source, queue, remote } = await both(t, {}, { connections })
    const names = await fill(source, 100)
    const result = await pushItems(source, remote, 'q', { concurrency: 16 })
    t.strictSame(result, { pushed: 100, refused: 0, left: 0 })
    t.strictSame(contentsOf(queue)['queue'], names.sort())
  }
})

t.test('a token opens the queues that it is for', async (t) => {
  const tokenFile = `${temporaryDirectory(t)}/tokens`
  const [all, limited] = ['a-token-for-every-queue', 'a-token-for-the-queue-q']
  writeFileSync(tokenFile, `${all}\n${limited} q\n`, { mode: 0o600 })
  const { source, port, root, queue } = await both(t, { tokenFile })
  await root.install('other')
  const push = async (target: string, token?: string, credentials = ''): Promise<string> => {
    const remote = openRemote(`http://${credentials}127.0.0.1:${port}/`, { token })
    const id = await source.enqueue('')
    using item = await source.claim(id)
    try {
      await remote.push(item, target)
      return 'pushed'
    } catch (error) {
      return (error as { code: string }).code
    } finally {
      remote.close()
    }
  }
  t.equal(await push('q'), 'FSQ_DENIED')
  t.equal(await push('q', 'a-token-that-is-unknown'), 'FSQ_DENIED')
  t.equal(await push('q', all), 'pushed')
  t.equal(await push('other', all), 'pushed')
  t.equal(await push('q', limited), 'pushed')
  t.equal(await push('other', limited), 'FSQ_DENIED')
  t.equal(await push('q', undefined, `anybody:${limited}@`), 'pushed', 'as the password')
  t.equal(contentsOf(queue)['queue']?.length, 3)
})

t.test('over TLS, with certificates at both ends', { skip: withoutOpenssl }, async (t) => {
  const files = certificates(t)
  const { port, queue } = await both(t, { tls: { ...files.server, clientCa: files.ca } })
  const pem = (path: string): Buffer => readFileSync(path)
  const source = await temporaryQueue(t)
  const ids = await fill(source, 2)
  const tls = { ca: pem(files.ca), cert: pem(files.client.cert), key: pem(files.client.key) }
  const remote = openRemote(`https://127.0.0.1:${port}/`, { tls })
  t.teardown(() => {
    remote.close()
  })
  t.strictSame(await pushItems(source, remote, 'q'), { pushed: 2, refused: 0, left: 0 })
  t.strictSame(contentsOf(queue)['queue'], ids.sort())
  const stranger = openRemote(`https://127.0.0.1:${port}/`, { tls: { ca: tls.ca } })
  t.teardown(() => {
    stranger.close()
  })
  await t.rejects(stranger.methods(), { code: 'FSQ_REMOTE' })
})

t.test('a body that is too large there is refused, and the rest goes on', async (t) => {
  const { source, queue, remote, events } = await both(t, { maxItem: 2_000_000 })
  const large = await source.enqueue(Buffer.alloc(5_000_000))
  const small = await source.enqueue('small')
  t.strictSame(await pushItems(source, remote, 'q'), { pushed: 1, refused: 1, left: 0 })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [small] })
  t.strictSame(contentsOf(source), { ...nothing, done: [small], fail: [large] })
  t.match(events[1], { method: 'PUT', status: 413 })
  t.ok((events[1]?.bytes ?? Infinity) < 1000, 'it was not sent')
})

t.test(
  'a queue that is not there ends a drain, and is waited for by one that follows',
  async (t) => {
    const { source, root, remote } = await both(t)
    const names = await fill(source, 3)
    const told: PushEvent['type'][] = []
    const missing = { code: 'FSQ_PUSH', message: /has no such queue/ }
    const onEvent = ({ type }: PushEvent): void => void told.push(type)
    await t.rejects(pushItems(source, remote, 'later', { onEvent }), missing)
    t.notOk(told.splice(0).includes('away'), 'it is not said that it goes on')
    t.strictSame(contentsOf(source), { ...nothing, queue: names.sort() }, 'nothing is lost by it')
    const end = new AbortController()
    const result = await pushItems(source, remote, 'later', {
      follow: true,
      signal: end.signal,
      onEvent: (event) => {
        if (event.type === 'idle') end.abort()
        if (event.type === 'away' || event.type === 'back') told.push(event.type)
        if (event.type !== 'away') return
        t.match(event.error.message, /has no such queue; "fsq install" there makes it/)
        void root.install('later')
      },
    })
    t.strictSame(result, { pushed: 3, refused: 0, left: 0 })
    t.strictSame(told, ['away', 'back'])
    t.strictSame(contentsOf(root.queue('later'))['queue'], names.sort())
  },
)

t.test('a queue that is down takes items: they wait there', async (t) => {
  const { source, queue, remote } = await both(t)
  await queue.down()
  const names = await fill(source, 2)
  t.strictSame(await pushItems(source, remote, 'q'), { pushed: 2, refused: 0, left: 0 })
  t.strictSame(contentsOf(queue)['queue'], names.sort())
  t.equal(await remote.isDown('q'), true)
  await queue.up()
  t.equal(await remote.isDown('q'), false)
  await queue.installHost('h')
  await queue.downHost('h')
  t.equal(await remote.isDown('q', { host: 'h' }), true)
})

t.test('the trigger there is pulled', async (t) => {
  const { source, queue, remote } = await both(t)
  await fill(source, 3)
  await t.rejects(remote.triggerPull('q'), { code: 'FSQ_REMOTE', message: /no trigger/ })
  await queue.trigger()
  await t.rejects(remote.triggerPull('q'), { code: 'FSQ_REMOTE', message: /nobody listens/ })
  await remote.triggerPull('q', { ignoreListener: true })
  const fd = openSync(queue.context.paths.trigger, constants.O_RDWR | constants.O_NONBLOCK)
  t.teardown(() => {
    closeSync(fd)
  })
  await pushItems(source, remote, 'q', { trigger: true })
  t.equal(readSync(fd, Buffer.alloc(8)), 1, 'once for all items')
})

t.test('a server that ends and comes back loses nothing', async (t) => {
  const { source, root, queue, server, port, remote } = await both(t, {}, { connections: 4 })
  const names = await fill(source, 60)
  let done = 0
  let restarted: Promise<void> | undefined
  const restart = async (): Promise<void> => {
    await server.close({ grace: 1 })
    const another = createServer(root)
    t.teardown(async () => another.close({ grace: 0 }))
    await another.listen({ host: '127.0.0.1', port })
  }
  const result = await pushItems(source, remote, 'q', {
    concurrency: 4,
    onEvent: ({ type }) => {
      if (type === 'done' && ++done === 20) restarted = restart()
    },
  })
  await restarted
  t.strictSame(result, { pushed: 60, refused: 0, left: 0 })
  t.strictSame(contentsOf(queue), { ...nothing, queue: names.sort() })
})
