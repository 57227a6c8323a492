import { readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { deferred } from '../../../lib/deferred.js'
import { bytesOf } from '../../helpers/bytes.js'
import { itemName, putEntry } from '../../helpers/entries.js'
import { modeOf } from '../../helpers/mode.js'
import { served } from '../../helpers/serve.js'
import { contentsOf, nothing } from '../../helpers/temporary.js'

const id = itemName({ args: ['a', 'ü'] })

t.test('enqueue puts an item into the queue, and returns its name', async (t) => {
  const { call, queue, events } = await served(t)
  t.match(await call('enqueue', [id, 'q', 'Dear Älice\n']), { result: id, id: 1 })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  t.equal(readFileSync(`${queue.path}/queue/${id}`, 'utf8'), 'Dear Älice\n')
  t.equal(modeOf(`${queue.path}/queue/${id}`), '640')
  t.match(events, [
    { method: 'POST', path: '/', call: 'enqueue', queue: 'q', id, status: 200, client: /^127/ },
  ])
  t.notOk(events[0]?.error)
})

t.test('parameters may have names, and the path may be /RPC2', async (t) => {
  const { send, queue } = await served(t)
  const params = { data: 'x', trg_queue: 'q', fsq_id: id }
  const { status, text, headers } = await send({
    method: 'POST',
    path: '/RPC2',
    headers: { 'Content-Type': 'application/json; charset=utf-8' },
    body: JSON.stringify({ id: 1, method: 'enqueue', params }),
  })
  t.equal(status, 200)
  t.equal(headers['content-type'], 'application/json')
  t.strictSame(JSON.parse(text), { result: id, error: null, id: 1 })
  t.strictSame(contentsOf(queue)['queue'], [id])
})

t.test('the text of a body is written in FSQ_CHARSET', async (t) => {
  const { call, queue } = await served(t, {}, { charset: 'latin1' })
  await call('enqueue', [itemName(), 'q', 'ü'])
  t.strictSame(readFileSync(`${queue.path}/queue/${itemName()}`), Buffer.from([0xfc]))
  t.match(await call('enqueue', [itemName({ entropy: 1 }), 'q', '漢']), {
    error: { code: -32602, data: { code: 'FSQ_COERCE' } },
  })
})

t.test('enqueue_base64 takes any bytes', async (t) => {
  const { call, queue } = await served(t)
  const bytes = bytesOf(100_001)
  t.match(await call('enqueue_base64', [id, 'q', bytes.toString('base64')]), { result: id })
  t.ok(readFileSync(`${queue.path}/queue/${id}`).equals(bytes))
  for (const data of ['x', 'eA=', 'eA==\n', '====', 'e-_=', '{}'])
    t.match(await call('enqueue_base64', [itemName(), 'q', data]), { error: { code: -32602 } })
  t.equal(contentsOf(queue)['queue']?.length, 1)
})

t.test('an item that was there is confirmed, and stays as it is', async (t) => {
  const { call, queue } = await served(t)
  putEntry(queue.context.paths.queue, itemName(), 'precious')
  for (let i = 0; i < 3; i++)
    t.match(await call('enqueue', [itemName(), 'q', 'another']), { result: itemName() })
  t.equal(readFileSync(`${queue.path}/queue/${itemName()}`, 'utf8'), 'precious')
  t.strictSame(contentsOf(queue), { ...nothing, queue: [itemName()] })
})

t.test('enqueue_url tells a path for PUT', async (t) => {
  const { call, send, queue } = await served(t)
  const { result: path } = (await call('enqueue_url', [id, 'q'])) as { result: string }
  t.equal(path, `/queues/q/items/${encodeURIComponent(id)}`)
  const put = { method: 'PUT', path, body: 'body' }
  const first = await send(put)
  t.strictSame([first.status, JSON.parse(first.text)], [201, { id }])
  t.equal((await send({ ...put, body: 'another' })).status, 200)
  t.equal(readFileSync(`${queue.path}/queue/${id}`, 'utf8'), 'body')
  t.match(await call('enqueue_url', ['nonsense', 'q']), { error: { code: -32602 } })
})

t.test('is_down tells of the queue and of its hosts', async (t) => {
  const { call, queue } = await served(t)
  await queue.installHost('h')
  t.match(await call('is_down', ['q']), { result: false })
  t.match(await call('is_down', { queue: 'q', host: null }), { result: false })
  await queue.downHost('h')
  t.match(await call('is_down', ['q', 'h']), { result: true })
  t.match(await call('is_down', ['q']), { result: false })
  await queue.down()
  t.match(await call('is_down', ['q', null]), { result: true })
  t.match(await call('is_down', ['q', '../h']), { error: { code: -32602 } })
  t.match(await call('is_down', ['nosuch']), { error: { data: { code: 'FSQ_NO_QUEUE' } } })
})

t.test('trigger_pull wakes who listens', async (t) => {
  const { call, queue } = await served(t)
  const pull = (...more: unknown[]) => call('trigger_pull', ['q', ...more])
  t.match(await pull(), { error: { code: -32603, data: { code: 'FSQ_NO_TRIGGER' } } })
  await queue.trigger()
  t.match(await pull(), { error: { data: { code: 'FSQ_NO_LISTENER' } } })
  t.match(await pull(true), { result: null })
  t.match(await pull(false, 'down'), { error: { code: -32602, data: { code: 'FSQ_PATH' } } })
  await queue.installHost('h')
  await queue.hostTrigger()
  t.match(await pull(true, 'hosts-trigger-s'), { result: null })
})

t.test('with the option trigger, each item that comes pulls the trigger', async (t) => {
  const { call, queue, errors } = await served(t, { trigger: true })
  t.match(await call('enqueue', [itemName(), 'q', '']), { result: itemName() }, 'there is none')
  await queue.trigger()
  const done = deferred<string>()
  const worker = queue.work(async (item) => {
    if (item.arguments.includes('woken')) done.resolve(item.id)
  })
  t.teardown(() => worker.stop())
  const woken = itemName({ args: ['woken'] })
  await call('enqueue', [woken, 'q', ''])
  t.equal(await done.promise, woken)
  t.strictSame(errors, [])
})

t.test('the methods tell of themselves', async (t) => {
  const { call } = await served(t)
  const { result } = (await call('system.listMethods')) as { result: string[] }
  t.strictSame(result, [
    'api_version',
    'enqueue',
    'enqueue_base64',
    'enqueue_url',
    'is_down',
    'system.listMethods',
    'system.methodHelp',
    'system.methodSignature',
    'trigger_pull',
  ])
  for (const name of result) {
    t.match(await call('system.methodHelp', [name]), { result: /^[A-Z].*\.$/ })
    t.match(await call('system.methodSignature', [name]), { result: [[/./]] })
  }
  t.match(await call('api_version'), { result: '1.0' })
  t.strictSame((await call('system.methodSignature', ['is_down']))['result'], [
    ['boolean', 'string'],
    ['boolean', 'string', 'string'],
  ])
  t.match(await call('system.methodHelp', ['nosuch']), { error: { code: -32601 } })
})

const wrong: readonly [what: string, method: string, params: unknown, code: number][] = [
  ['a method that is none', 'dequeue', [], -32601],
  ['a method of every object', 'constructor', [], -32601],
  ['a method of every object', '__proto__', [], -32601],
  ['too few parameters', 'enqueue', [id, 'q'], -32602],
  ['too many parameters', 'enqueue', [id, 'q', '', ''], -32602],
  [
    'a name of no parameter',
    'enqueue',
    { fsq_id: id, trg_queue: 'q', data: '', mode: 511 },
    -32602,
  ],
  ['a body that is a number', 'enqueue', [id, 'q', 7], -32602],
  ['a body that is an object', 'enqueue', [id, 'q', { __jsonclass__: ['x', []] }], -32602],
  ['a name that is a list', 'enqueue', [['x'], 'q', ''], -32602],
  ['a flag that is text', 'trigger_pull', ['q', 'true'], -32602],
  ['a queue that is not there', 'enqueue', [id, 'nosuch', ''], -32603],
]

for (const [what, method, params, code] of wrong)
  t.test(`${method} with ${what} is an error, and nothing happens`, async (t) => {
    const { call, queue, events } = await served(t)
    t.match(await call(method, params), { error: { code, message: /./ } })
    t.strictSame(contentsOf(queue), nothing)
    t.match(events, [{ status: 200, error: { message: /./ } }])
  })

t.test('what goes wrong here is told without the paths of this machine', async (t) => {
  const { call, send, queue, root, events, errors } = await served(t)
  rmdirSync(queue.context.paths.tmp)
  const answers = [
    JSON.stringify(await call('enqueue', [id, 'q', ''])),
    JSON.stringify(await call('enqueue', [id, 'nosuch', ''])),
    JSON.stringify(await call('is_down', ['nosuch'])),
    (await send({ method: 'PUT', path: `/queues/q/items/${id}`.replace('ü', '%C3%BC') })).text,
  ]
  for (const answer of [...answers, ...events.map((event) => JSON.stringify(event))])
    t.notOk(answer.includes(root.settings.root), answer)
  t.strictSame(errors, [])
})

t.test('who serves is told of what went wrong here in full', async (t) => {
  const { call, queue, errors } = await served(t)
  await queue.trigger()
  writeFileSync(`${queue.path}/queue/x`, '')
  renameSync(`${queue.path}/queue/x`, `${queue.path}/trigger-s`) // No FIFO any more.
  t.match(await call('trigger_pull', ['q']), {
    error: { code: -32603, data: { code: 'FSQ_CONFIG' } },
  })
  t.match(errors, [{ code: 'FSQ_CONFIG', path: `${queue.path}/trigger-s` }])
})

t.test('a thousand calls of a batch share their syncs', async (t) => {
  const { post, queue, events } = await served(t)
  const calls = Array.from({ length: 1000 }, (_, at) => ({
    jsonrpc: '2.0',
    id: at,
    method: 'enqueue',
    params: [itemName({ entropy: at }), 'q', `body ${at}`],
  }))
  const answers = JSON.parse((await post(calls)).text) as { id: number; result: string }[]
  t.strictSame(
    answers.map((answer) => answer.result),
    calls.map(({ params: [name] }) => name),
  )
  t.equal(contentsOf(queue)['queue']?.length, 1000)
  t.match(events, [{ call: 'batch', calls: 1000 }])
})
