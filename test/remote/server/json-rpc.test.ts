import t from 'tap'
import {
  answerMessage,
  type Call,
  largestBatch,
  type Performer,
  RpcError,
  rpcCodes,
} from '../../../lib/remote/server/json-rpc.js'

/** Answers with what it was called with, and remembers it. */
function echo(): Performer & { readonly calls: Call[] } {
  const calls: Call[] = []
  return {
    calls,
    isParallel: () => true,
    perform: async (call) => {
      calls.push(call)
      if (call.method === 'fail') throw new RpcError(-1, 'it failed', 'FSQ_DOWN')
      return call.params
    },
  }
}

const failed = { code: -1, message: 'it failed', data: { code: 'FSQ_DOWN' } }

const shapes: readonly [what: string, request: object, answer: unknown][] = [
  [
    '2.0',
    { jsonrpc: '2.0', id: 7, method: 'm', params: [1] },
    { jsonrpc: '2.0', result: [1], id: 7 },
  ],
  [
    '2.0 without parameters',
    { jsonrpc: '2.0', id: 'a', method: 'm' },
    { jsonrpc: '2.0', result: [], id: 'a' },
  ],
  [
    '2.0 with names',
    { jsonrpc: '2.0', id: 1, method: 'm', params: { a: 1 } },
    { jsonrpc: '2.0', result: { a: 1 }, id: 1 },
  ],
  [
    '2.0 with a null id',
    { jsonrpc: '2.0', id: null, method: 'm' },
    { jsonrpc: '2.0', result: [], id: null },
  ],
  [
    '2.0 that fails',
    { jsonrpc: '2.0', id: 1, method: 'fail' },
    { jsonrpc: '2.0', error: failed, id: 1 },
  ],
  ['1.0', { id: 7, method: 'm', params: [1] }, { result: [1], error: null, id: 7 }],
  ['1.0 with an empty id', { id: '', method: 'm' }, { result: [], error: null, id: '' }],
  ['1.0 that fails', { id: 1, method: 'fail' }, { result: null, error: failed, id: 1 }],
  ['a 2.0 notification', { jsonrpc: '2.0', method: 'm' }, undefined],
  ['a 2.0 notification that fails', { jsonrpc: '2.0', method: 'fail' }, undefined],
  ['a 1.0 notification', { method: 'm' }, undefined],
  ['a 1.0 notification with a null id', { id: null, method: 'm' }, undefined],
]

for (const [what, request, expected] of shapes)
  t.test(`${what} is answered in the shape of its caller`, async (t) => {
    const performer = echo()
    t.strictSame(await answerMessage(request, performer), expected)
    t.equal(performer.calls.length, 1, 'it was called')
  })

const invalid: readonly [what: string, request: unknown, id?: unknown][] = [
  ['nothing', null],
  ['a number', 7],
  ['text', 'enqueue'],
  ['no method', { jsonrpc: '2.0', id: 7 }, 7],
  ['a method that is a list', { jsonrpc: '2.0', id: 7, method: ['m'] }, 7],
  ['parameters that are text', { jsonrpc: '2.0', id: 7, method: 'm', params: 'x' }, 7],
  ['an id that is an object', { jsonrpc: '2.0', id: {}, method: 'm' }],
  ['an id that is a list', { jsonrpc: '2.0', id: [[[]]], method: 'm' }],
  ['an id that is true', { jsonrpc: '2.0', id: true, method: 'm' }],
  ['another version', { jsonrpc: '3.0', id: 7, method: 'm' }, 7],
  ['a version that is a number', { jsonrpc: 2, id: 7, method: 'm' }, 7],
  ['an empty batch', []],
]

for (const [what, request, id = null] of invalid)
  t.test(`${what} is no request`, async (t) => {
    const performer = echo()
    t.match(await answerMessage(request, performer), {
      jsonrpc: '2.0',
      error: { code: rpcCodes.request },
      id,
    })
    t.strictSame(performer.calls, [])
  })

t.test('what is no request of 1.0 is answered as one', async (t) => {
  t.match(await answerMessage({ id: 7, method: 7 }, echo()), {
    result: null,
    error: { code: rpcCodes.request },
    id: 7,
  })
})

t.test(
  'a batch is answered in order, each in its own shape, without the notifications',
  async (t) => {
    const performer = echo()
    const answers = await answerMessage(
      [
        { jsonrpc: '2.0', id: 1, method: 'm' },
        { jsonrpc: '2.0', method: 'note' },
        7,
        { id: 2, method: 'fail' },
      ],
      performer,
    )
    t.match(answers, [
      { jsonrpc: '2.0', result: [], id: 1 },
      { jsonrpc: '2.0', error: { code: rpcCodes.request }, id: null },
      { result: null, error: failed, id: 2 },
    ])
    t.equal((answers as unknown[]).length, 3)
    t.equal(performer.calls.length, 3)
  },
)

t.test('a batch of notifications has no answer', async (t) => {
  t.equal(await answerMessage([{ method: 'm' }, { method: 'm' }], echo()), undefined)
})

t.test('a batch has so many calls and no more', async (t) => {
  const batch = Array.from({ length: largestBatch }, (_, id) => ({ id, method: 'm' }))
  const answers = await answerMessage(batch, echo())
  t.equal((answers as unknown[]).length, largestBatch)
  const performer = echo()
  t.match(await answerMessage([...batch, { id: 0, method: 'm' }], performer), {
    error: { code: rpcCodes.request },
  })
  t.strictSame(performer.calls, [])
})

t.test(
  'calls that may are under way together; one that may not waits for those before',
  async (t) => {
    const order: string[] = []
    let release = (): void => undefined
    const gate = new Promise<void>((resolve) => (release = resolve))
    const answered = answerMessage(
      ['a', 'b', 'last', 'c'].map((method, id) => ({ id, method })),
      {
        isParallel: (method) => method !== 'last',
        perform: async ({ method }) => {
          order.push(`${method} begins`)
          if (method === 'a') await gate
          order.push(`${method} ends`)
          return null
        },
      },
    )
    await new Promise(setImmediate)
    t.strictSame(order, ['a begins', 'b begins', 'b ends'])
    release()
    await answered
    t.ok(order.indexOf('last begins') > order.indexOf('a ends'))
  },
)

t.test('members of a prototype are none of the message', async (t) => {
  const message = JSON.parse('{"__proto__": {"method": "m", "id": 1, "jsonrpc": "2.0"}}') as unknown
  const performer = echo()
  t.match(await answerMessage(message, performer), { error: { code: rpcCodes.request } })
  t.strictSame(performer.calls, [])
  t.notOk('method' in {}, 'and no other object has them')
})
