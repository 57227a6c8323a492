import { linkSync, mkdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import type { ScanEvent } from '../../lib/queue/scan-events.js'
import type { ScanOptions } from '../../lib/queue/scan.js'
import type { Queue } from '../../lib/root/queue.js'
import { lockedDescriptor } from '../helpers/lock.js'
import { fspl, noFspl } from '../helpers/fspl.js'
import { fileOf, numbersIn } from '../helpers/ordered.js'
import { contentsOf, temporaryQueue } from '../helpers/temporary.js'

const ordered = true
const last = 2n ** 64n - 1n

/** Enqueues items with these numbers, which are their arguments too. */
async function fill(queue: Queue, ...numbers: readonly (number | bigint)[]): Promise<string[]> {
  const ids: string[] = []
  for (const sequence of numbers)
    ids.push(await queue.enqueue('', [String(sequence)], { sequence }))
  return ids
}

/** Does the items that a scan yields; their arguments. */
async function doAll(queue: Queue, options: ScanOptions = {}): Promise<string[]> {
  const seen: string[] = []
  for await (const item of queue.scan({ ordered, ...options })) {
    seen.push(item.arguments[0] ?? '')
    await item.done()
  }
  return seen
}

/** The same, with what was told. */
async function told(
  queue: Queue,
  options: ScanOptions = {},
): Promise<{ seen: string[]; events: ScanEvent[] }> {
  const events: ScanEvent[] = []
  const onEvent = (event: ScanEvent): number => events.push(event)
  const seen = await doAll(queue, { ...options, onEvent })
  return { seen, events }
}

t.test('an item whose time or tries are over goes to fail/, and the next one comes', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('', ['1'], { sequence: 1, enqueuedAt: new Date(Date.now() - 7200_000) })
  const [retried = ''] = await fill(queue, 2)
  for await (const item of queue.scan({ ordered, ttl: 3600 })) {
    t.equal(item.id, retried)
    await item.failTmp({ maxTries: 0 })
    break
  }
  await fill(queue, 3, 4)
  const { seen, events } = await told(queue, { maxTries: 1 })
  t.strictSame(seen, ['3', '4'])
  t.match(events, [{ type: 'exhausted' }])
  t.strictSame(numbersIn(queue, 'fail').length, 2)
  t.equal(fileOf(queue, 'nextseq'), '5\n')
})

t.test('items come in the order of their numbers, whatever their times', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 11, 3, 10, 2, 1)
  for (const [sequence, day] of [
    [4, 9],
    [5, 8],
    [6, 7],
  ] as const)
    await queue.enqueue('', [`${sequence}`], { sequence, enqueuedAt: new Date(2026, 1, day) })
  await fill(queue, 7, 8, 9)
  t.strictSame(await doAll(queue), ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11'])
  t.equal(fileOf(queue, 'nextseq'), '12\n')
})

t.test('behind the last number comes 0', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 0, 1, last, last - 1n)
  writeFileSync(`${queue.path}/nextseq`, `${last - 1n}\n`)
  t.strictSame(await doAll(queue), [`${last - 1n}`, `${last}`, '0', '1'])
})

t.test('items wait for one that has not come, and go on when it has', async (t) => {
  const queue = await temporaryQueue(t)
  const before = Date.now() - 20 // Times of files are those of the last tick.
  await fill(queue, 1, 2, 5, 6)
  const { seen, events } = await told(queue)
  t.strictSame(seen, ['1', '2'])
  t.match(events, [{ type: 'waiting', queue: 'q', sequence: 3n, since: Date }])
  const [event] = events
  if (event?.type !== 'waiting') throw new Error('it does not wait')
  t.ok(event.since.getTime() >= before && event.since.getTime() <= Date.now())
  t.match(await told(queue), { seen: [], events: [{ since: event.since }] }, 'still since then')
  await fill(queue, 3)
  t.match(await told(queue), { seen: ['3'], events: [{ type: 'waiting', sequence: 4n }] })
  await fill(queue, 4)
  t.strictSame(await told(queue), { seen: ['4', '5', '6'], events: [] })
  t.strictSame(await told(queue), { seen: [], events: [] }, 'nothing is there, so nothing waits')
})

t.test('what comes while others are worked on is worked on too', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1, 3)
  const seen: string[] = []
  for await (const item of queue.scan({ ordered })) {
    const [argument = ''] = item.arguments
    seen.push(argument)
    if (argument === '1') await fill(queue, 2)
    if (argument === '3') await fill(queue, 4)
    await item.done()
  }
  t.strictSame(seen, ['1', '2', '3', '4'])
})

t.test(
  'a number that does not come in time is given up, and its item is not worked on',
  async (t) => {
    const queue = await temporaryQueue(t)
    await fill(queue, 3, 4, 8)
    t.match(await told(queue, { gapTimeout: 3600 }), { seen: [], events: [{ type: 'waiting' }] })
    t.match(await told(queue, { gapTimeout: 0 }), {
      seen: ['3', '4', '8'],
      events: [
        { type: 'skipped', sequence: 1n, next: 3n, since: Date },
        { type: 'skipped', sequence: 5n, next: 8n },
      ],
    })
    const [late = ''] = await fill(queue, 5)
    t.match(await told(queue, { gapTimeout: 0 }), {
      seen: [],
      events: [
        { type: 'error', id: late, error: { code: 'FSQ_SEQUENCE', message: /5 is past: 9/ } },
      ],
    })
    t.strictSame(contentsOf(queue)['queue'], [late], 'a person has to decide')
  },
)

t.test(
  'an item that failed permanently makes way; one that failed temporarily does not',
  async (t) => {
    const queue = await temporaryQueue(t)
    await fill(queue, 1, 2, 3)
    const seen: string[] = []
    const scan = async (finish: 'failTmp' | 'failPerm' | 'done'): Promise<void> => {
      for await (const item of queue.scan({ ordered, maxTries: 3 })) {
        seen.push(`${item.arguments[0]} ${item.tries}`)
        await item[finish]()
      }
    }
    await scan('failTmp')
    t.strictSame(seen, ['1 0'])
    await scan('failTmp')
    t.strictSame(seen, ['1 0', '1 1'])
    await scan('failTmp') // That is one too many: it fails permanently, and makes way for the next.
    t.strictSame(seen, ['1 0', '1 1', '1 2', '2 0'])
    await scan('failPerm')
    t.strictSame(seen.slice(4), ['2 1', '3 0'])
    t.strictSame(numbersIn(queue, 'fail'), [1n, 2n, 3n])
  },
)

t.test('an item that is not finished ends the scan, and is next again', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1, 2)
  const seen: string[] = []
  for await (const item of queue.scan({ ordered })) {
    seen.push(item.arguments[0] ?? '')
    item.close()
  }
  for await (const item of queue.scan({ ordered })) {
    seen.push(item.arguments[0] ?? '')
    await item.done()
    break
  }
  t.strictSame(seen, ['1', '1'])
  t.equal(fileOf(queue, 'nextseq'), '2\n', 'also where the loop was left')
  t.strictSame(await doAll(queue, { limit: 1 }), ['2'])
  t.equal(fileOf(queue, 'nextseq'), '3\n')
})

for (const [state, finish] of [
  ['done', 'done'],
  ['fail', 'failPerm'],
] as const) {
  t.test(`killed between ${state}/ and nextseq, an item is not worked on again`, async (t) => {
    const queue = await temporaryQueue(t)
    await fill(queue, 1)
    for await (const item of queue.scan({ ordered })) await item[finish]()
    writeFileSync(`${queue.path}/nextseq`, '1\n')
    t.strictSame(await told(queue), { seen: [], events: [] })
    await fill(queue, 2)
    t.strictSame(await told(queue), { seen: ['2'], events: [] })
    t.equal(fileOf(queue, 'nextseq'), '3\n')
  })
}

const byOthers: readonly {
  readonly what: string
  readonly act: (queue: Queue, id: string) => unknown
  readonly then: readonly string[]
}[] = [
  { what: 'is done', act: async (queue, id) => (await queue.claim(id)).done(), then: ['1', '3'] },
  {
    what: 'fails',
    act: async (queue, id) => (await queue.claim(id)).failPerm(),
    then: ['1', '3'],
  },
  {
    what: 'gets another name by a retry',
    act: async (queue, id) => (await queue.claim(id)).failTmp({ maxTries: 0 }),
    then: ['1', '2', '3'],
  },
  {
    what: 'is removed',
    act: ({ context }, id) => {
      unlinkSync(`${context.paths.queue}/${id}`)
    },
    then: ['1'],
  },
]

for (const { what, act, then } of byOthers) {
  t.test(`an item that ${what} by somebody else before its turn is no obstacle`, async (t) => {
    const queue = await temporaryQueue(t)
    const [, second = ''] = await fill(queue, 1, 2, 3)
    const seen: string[] = []
    for await (const item of queue.scan({ ordered, maxTries: 0 })) {
      const [argument = ''] = item.arguments
      seen.push(argument)
      if (argument === '1') await act(queue, second)
      await item.done()
    }
    t.strictSame(seen, then)
  })
}

t.test('an item that somebody works on keeps those behind it waiting', async (t) => {
  const queue = await temporaryQueue(t)
  const [first = ''] = await fill(queue, 1, 2)
  lockedDescriptor(t, `${queue.context.paths.queue}/${first}`)
  t.strictSame(await told(queue), { seen: [], events: [] })
})

t.test('so does one whose time has not come', async (t) => {
  const queue = await temporaryQueue(t)
  const notBefore = new Date(Date.now() + 60_000)
  await queue.enqueue('', ['1'], { sequence: 1, notBefore })
  await fill(queue, 2)
  t.strictSame(await told(queue), { seen: [], events: [] })
})

t.test('two items with one number are reported, and stop what comes to them', async (t) => {
  const queue = await temporaryQueue(t)
  const [, one = ''] = await fill(queue, 1, 2)
  const two = await queue.enqueue('', ['other'], { sequence: 2 })
  await fill(queue, 3)
  const events: ScanEvent[] = []
  const seen: string[] = []
  const scan = async (): Promise<void> => {
    for await (const item of queue.scan({ ordered, onEvent: (event) => events.push(event) })) {
      seen.push(item.arguments[0] ?? '')
      await item.done()
    }
  }
  await t.rejects(scan(), { code: 'FSQ_SEQUENCE', message: /2 is next, and two items have/ })
  t.strictSame(seen, ['1'])
  t.strictSame(events.map(({ id }) => id).sort(), [one, two].sort())
  unlinkSync(`${queue.context.paths.queue}/${two}`)
  t.strictSame(await doAll(queue), ['2', '3'])
})

t.test('two names of one file, as a retry that was cut leaves them, are one item', async (t) => {
  const queue = await temporaryQueue(t)
  const [id = ''] = await fill(queue, 1, 2)
  const { queue: directory } = queue.context.paths
  linkSync(`${directory}/${id}`, `${directory}/${id.replace('_0_1', '_1_1')}`)
  const { seen, events } = await told(queue, { maxTries: 0 })
  t.strictSame(seen, ['1', '2'])
  t.match(events, [{ type: 'error', id }], 'and its other name is left to repair')
})

t.test('what has no number is reported and left', async (t) => {
  const queue = await temporaryQueue(t)
  const plain = await queue.enqueue('', ['plain'])
  await fill(queue, 1)
  const { seen, events } = await told(queue)
  t.strictSame(seen, ['1'])
  t.match(events, [{ type: 'error', id: plain, error: { message: /no number/ } }])
})

t.test('a malformed entry whose turn it is goes to fail/ and makes way', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1, 3)
  mkdirSync(`${queue.context.paths.queue}/_20260101000000_00000000000000000002_1_h_0`)
  const { seen, events } = await told(queue)
  t.strictSame(seen, ['1', '3'])
  t.match(events, [{ type: 'malformed' }])
})

t.test('one at a time works on a queue in order', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1, 2)
  const scan = queue.scan({ ordered })
  await scan.next()
  await t.rejects(queue.scan({ ordered }).next(), { code: 'FSQ_LOCKED', queue: 'q' })
  await scan.return()
  t.strictSame(await doAll(queue), ['1', '2'])
})

t.test('fspl sees the lock, and the number', { skip: noFspl }, async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1, 2)
  const words = ['prepare-get-next', '-s', `${queue.path}/nextseq`]
  const scan = queue.scan({ ordered })
  await (await scan.next()).value?.done()
  t.match(await fspl(words), { status: 1 })
  await scan.return()
  t.match(await fspl(words), { status: 0, stdout: '2\n' })
  await fspl(['prepare-set-next', '-s', `${queue.path}/nextseq`, '9'])
  t.match(await told(queue), { seen: [], events: [{ error: { message: /2 is past: 9 is next/ } }] })
})

t.test('a number that cannot be written is an error, and is written later', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1, 2)
  const scan = queue.scan({ ordered })
  const { value: item } = await scan.next()
  mkdirSync(`${queue.path}/nextseq.temp`)
  await item?.done()
  await t.rejects(scan.next(), { code: 'FSQ_SEQUENCE' })
  renameSync(`${queue.path}/nextseq.temp`, `${queue.path}/away`)
  t.strictSame(await doAll(queue), ['2'])
})

t.test('a queue that goes down ends the scan', async (t) => {
  const queue = await temporaryQueue(t)
  await fill(queue, 1, 2)
  const scan = queue.scan({ ordered })
  await (await scan.next()).value?.done()
  await queue.down()
  await t.rejects(scan.next(), { code: 'FSQ_DOWN' })
  await queue.up()
  t.strictSame(await doAll(queue), ['2'])
})

t.test('host queues have a sequence each', async (t) => {
  const queue = await temporaryQueue(t, {}, { hosts: ['a', 'b'] })
  for (const host of ['a', 'b'])
    for (const sequence of [2, 1])
      await queue.host(host).enqueue('', [`${host}${sequence}`], { sequence })
  t.strictSame(await doAll(queue, { hosts: 'all' }), ['a1', 'a2', 'b1', 'b2'])
})

t.test('options that say nothing, or nothing that can be', async (t) => {
  const queue = await temporaryQueue(t)
  for (const options of [
    { gapTimeout: 1 },
    { ordered, gapTimeout: -1 },
    { ordered, gapTimeout: NaN },
  ])
    await t.rejects(queue.scan(options).next(), TypeError)
})
