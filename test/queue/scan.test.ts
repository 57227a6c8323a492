import { once } from 'node:events'
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import type { FsqErrorCode } from '../../lib/errors.js'
import { makeFifo } from '../../lib/posix/fifo.js'
import { entryPath } from '../../lib/posix/path.js'
import type { Item } from '../../lib/queue/item.js'
import type { Queue } from '../../lib/root/queue.js'
import { openRoot } from '../../lib/root/root.js'
import type { ScanOptions } from '../../lib/queue/scan.js'
import { collect, idsOf } from '../helpers/collect.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { isFree, lockedDescriptor } from '../helpers/lock.js'
import { pythonLock, withoutPython } from '../helpers/python.js'
import {
  contentsOf,
  nothing,
  temporaryDirectory,
  temporaryQueue,
  temporaryRoot,
} from '../helpers/temporary.js'

/** A queue with items of that many entropies. */
const queueOf = async (t: Test, count: number): Promise<{ queue: Queue; ids: string[] }> => {
  const queue = await temporaryQueue(t)
  const ids = Array.from({ length: count }, (_, entropy) => itemName({ entropy }))
  for (const id of ids) putEntry(queue.context.paths.queue, id, id)
  return { queue, ids }
}

const pathOf = (queue: Queue, id: string): string => `${queue.context.paths.queue}/${id}`

t.test('an item has what was enqueued', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('a body', ['a', 'b'])
  for await (const item of queue.scan()) {
    t.match(item, { id, queue: 'q', delimiter: '_', tries: 0, arguments: ['a', 'b'] })
    t.notOk('host' in item)
    t.equal(await item.text(), 'a body')
  }
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] }, 'and stays, if it is not finished')
})

t.test('a queue without items has nothing to scan', async (t) => {
  t.strictSame(await idsOf(await temporaryQueue(t)), [])
})

t.test('items come in the order of enqueueing', async (t) => {
  const queue = await temporaryQueue(t)
  const ordered = [
    itemName({ timestamp: '20111231235959', entropy: 99 }),
    itemName({ entropy: 0 }),
    itemName({ entropy: 2 }),
    '.20120710213904.3.1.h.0',
    itemName({ entropy: 10 }),
    '+20120710213904+11+1+h+0',
    itemName({ timestamp: '20130101000000', entropy: 0 }),
  ]
  for (const id of [...ordered].reverse()) putEntry(queue.context.paths.queue, id)
  t.strictSame(await idsOf(queue), ordered)
})

t.test('an item whose delimiter is a dot is an item', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('', ['a'], { delimiter: '.' })
  t.strictSame(await idsOf(queue), [id])
})

t.test('items have names in every charset', async (t) => {
  const queue = await temporaryQueue(t, { charset: 'latin-1' })
  const id = await queue.enqueue('é', ['ö'])
  const { items } = await collect(queue)
  t.strictSame(items[0]?.arguments, ['ö'])
  t.equal(await items[0]?.text(), 'é')
  await items[0]?.done()
  t.strictSame(readdirSync(queue.context.paths.done, 'latin1'), [id])
})

t.test('hidden files are left alone, and not mentioned', async (t) => {
  const { queue, ids } = await queueOf(t, 1)
  const hidden = ['.nfs0000001', `.${itemName()}.swp`, '.item~', '.\xff']
  for (const name of hidden) putEntry(queue.context.paths.queue, name)
  const { items, ids: found, events } = await collect(queue)
  t.strictSame(found, ids)
  t.strictSame(events, [])
  t.strictSame(readdirSync(queue.context.paths.fail), [])
  for (const item of items) item.close()
})

type Make = (t: Test, path: string) => unknown

const makeSocket: Make = async (t, path) => {
  const server = createServer().listen(path)
  t.teardown(() => server.close())
  await once(server, 'listening')
}

/** Entries that are no work-items: what is said of them, their name, and how they are made. */
const malformed: [what: string, code: FsqErrorCode, name: string, make?: Make][] = [
  [
    'a directory',
    'FSQ_MALFORMED',
    itemName(),
    (_, path) => mkdirSync(`${path}/a`, { recursive: true }),
  ],
  [
    'a link',
    'FSQ_MALFORMED',
    itemName(),
    (t, path) => {
      symlinkSync(temporaryDirectory(t), path)
    },
  ],
  [
    'a link to nowhere',
    'FSQ_MALFORMED',
    itemName(),
    (_, path) => {
      symlinkSync('missing', path)
    },
  ],
  [
    'a FIFO',
    'FSQ_MALFORMED',
    itemName(),
    (_, path) => {
      makeFifo(path, { mode: 0o600 })
    },
  ],
  ['a unix socket', 'FSQ_MALFORMED', itemName(), makeSocket],
  ['bytes that are not text', 'FSQ_COERCE', `${itemName()}_\xff`],
  ['a bad escape', 'FSQ_ENCODE', `${itemName()}_%zz`],
  ['an escape that is cut off', 'FSQ_ENCODE', `${itemName()}_%`],
  ['a bad timestamp', 'FSQ_TIMEFMT', itemName({ timestamp: '20121310213904' })],
  ['tries that are not whole', 'FSQ_MALFORMED', itemName({ tries: '1.5' })],
  ['tries that are a word', 'FSQ_MALFORMED', itemName({ tries: 'x' })],
  ['too few fields', 'FSQ_MALFORMED', '_20120710213904_0_1_h'],
  ['no fields', 'FSQ_MALFORMED', '_'],
  ['an encode character in front', 'FSQ_ENCODE', '%20120710213904%0%1%h%0'],
]

const ways: Record<string, ScanOptions> = {
  'a scan': {},
  'a scan that opens nothing': { noOpen: true },
  'a scan that locks nothing': { lock: false },
  'a scan that neither opens nor locks': { noOpen: true, lock: false },
}

for (const [way, options] of Object.entries(ways)) {
  for (const [what, code, name, make] of malformed) {
    t.test(`${way} moves ${what} to fail/ as it is, and goes on`, async (t) => {
      const queue = await temporaryQueue(t)
      const { paths } = queue.context
      const good = itemName({ timestamp: '20130101000000' })
      putEntry(paths.queue, good)
      if (make === undefined) putEntry(paths.queue, name)
      else await make(t, `${paths.queue}/${name}`)
      const { ino } = lstatSync(entryPath(paths.queue, name))

      const { items, ids, events } = await collect(queue, options)

      t.strictSame(ids, [good])
      t.match(events, [{ type: 'malformed', queue: 'q', error: { code } }])
      t.equal(events.length, 1)
      t.strictSame(readdirSync(paths.queue), [good])
      t.strictSame(readdirSync(paths.fail, 'latin1'), [name])
      t.equal(lstatSync(entryPath(paths.fail, name)).ino, ino)
      for (const item of items) item.close()
    })
  }
}

t.test('bytes that are not text are reported in hex', async (t) => {
  const queue = await temporaryQueue(t)
  putEntry(queue.context.paths.queue, 'caf\xe9')
  t.match((await collect(queue)).events, [{ id: 'caf\\xe9' }])
})

t.test('a malformed entry whose name is taken in fail/ gets a number', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  const long = 'x'.repeat(255)
  for (const [directory, body] of [
    [paths.fail, 'first'],
    [paths.queue, 'second'],
  ] as const) {
    for (const name of ['bad', long]) putEntry(directory, name, body)
  }
  t.strictSame(await idsOf(queue), [])
  const bodies = Object.fromEntries(
    readdirSync(paths.fail).map((name) => [name, readFileSync(`${paths.fail}/${name}`, 'utf8')]),
  )
  const longest = `${'x'.repeat(253)}.1`
  t.strictSame(bodies, { bad: 'first', 'bad.1': 'second', [long]: 'first', [longest]: 'second' })
})

t.test('a malformed entry that somebody holds is left to them', async (t) => {
  const queue = await temporaryQueue(t)
  lockedDescriptor(t, putEntry(queue.context.paths.queue, 'bad'))
  t.strictSame((await collect(queue)).events, [])
  t.strictSame(contentsOf(queue), { ...nothing, queue: ['bad'] })
})

for (const [what, replace] of Object.entries({
  'is missing': () => undefined,
  'is a file': (path: string) => {
    writeFileSync(path, '')
  },
})) {
  t.test(
    `where fail/ ${what}, entries that belong there stay, and others are scanned`,
    async (t) => {
      const queue = await temporaryQueue(t, { ttl: 1 })
      const { paths } = queue.context
      putEntry(paths.queue, 'bad')
      putEntry(paths.queue, itemName())
      const good = await queue.enqueue('')
      rmdirSync(paths.fail)
      replace(paths.fail)
      const { items, ids, events } = await collect(queue, { ttl: 3600 })
      t.strictSame(ids, [good])
      t.match(events.map(({ type, id }) => [type, id]).sort(), [
        ['error', itemName()],
        ['error', 'bad'],
      ])
      t.strictSame(readdirSync(paths.queue).sort(), [good, itemName(), 'bad'].sort())
      t.ok(isFree(pathOf(queue, itemName())), 'and nothing holds them')
      for (const item of items) item.close()
    },
  )
}

const old = { timestamp: '20120710213904' }

t.test('an item that is too old fails permanently, and is reported', async (t) => {
  const queue = await temporaryQueue(t)
  const id = itemName(old)
  putEntry(queue.context.paths.queue, id)
  const { ids, events } = await collect(queue, { ttl: 3600 })
  t.strictSame(ids, [])
  t.match(events, [
    {
      type: 'expired',
      queue: 'q',
      id,
      error: {
        code: 'FSQ_TTL_EXPIRED',
        message: `TTL expired: 3600 for item ${id}; failed permanently`,
      },
      outcome: { state: 'fail', id },
    },
  ])
  t.strictSame(contentsOf(queue), { ...nothing, fail: [id] })
})

t.test('age counts from the time in the name, to the second', async (t) => {
  const queue = await temporaryQueue(t)
  const now = Date.now()
  await queue.enqueue('', [], { enqueuedAt: new Date(now - 100_000) })
  const young = await queue.enqueue('', [], { enqueuedAt: new Date(now - 50_000) })
  t.strictSame(await idsOf(queue, { ttl: 0 }), (await idsOf(queue)).slice(), '0 is no limit')
  t.strictSame(await idsOf(queue, { ttl: 75 }), [young])
})

t.test('an item that has used up its tries fails permanently, and is reported', async (t) => {
  const queue = await temporaryQueue(t)
  const id = itemName({ tries: 3 })
  putEntry(queue.context.paths.queue, id)
  t.strictSame(await idsOf(queue, { maxTries: 4 }), [id], 'a fourth try')
  t.strictSame(await idsOf(queue, { maxTries: 0 }), [id], '0 is no limit')
  const { ids, events } = await collect(queue, { maxTries: 3 })
  t.strictSame(ids, [])
  t.match(events, [
    {
      type: 'exhausted',
      id,
      error: {
        code: 'FSQ_MAX_TRIES',
        message: `Max tries exceeded: 3 (3) for item ${id}; failed permanently`,
      },
      outcome: { state: 'fail', id },
    },
  ])
  t.strictSame(contentsOf(queue), { ...nothing, fail: [id] })
})

t.test('limits are those of the settings where the scan has none', async (t) => {
  const queue = await temporaryQueue(t, { maxTries: 2, ttl: 3600 })
  const { paths } = queue.context
  const fresh = await queue.enqueue('')
  putEntry(paths.queue, itemName())
  putEntry(paths.queue, fresh.replace(/_0$/, '_2'))
  const { ids, items, events } = await collect(queue)
  t.strictSame(ids, [fresh])
  t.strictSame(events.map(({ type }) => type).sort(), ['exhausted', 'expired'])
  for (const item of items) item.close()
})

const down = { code: 'FSQ_DOWN', message: 'q is down', queue: 'q' }

t.test('a queue that is down is not scanned', async (t) => {
  const { queue, ids } = await queueOf(t, 1)
  await queue.down()
  await t.rejects(collect(queue), down)
  t.ok(isFree(pathOf(queue, ids[0] ?? '')))
})

t.test('a queue that goes down is scanned no further', async (t) => {
  const { queue, ids } = await queueOf(t, 2)
  const scan = queue.scan()
  const { value: item } = await scan.next()
  await queue.down()
  await t.rejects(scan.next(), down)
  t.notOk(isFree(pathOf(queue, ids[0] ?? '')), 'the item that it yielded is still ours')
  t.ok(isFree(pathOf(queue, ids[1] ?? '')))
  t.match(await item?.done(), { state: 'done' })
  t.same(await scan.next(), { done: true, value: undefined }, 'and it is over')
})

t.test('ignoreDown scans although the queue is down', async (t) => {
  const { queue, ids } = await queueOf(t, 2)
  await queue.down()
  t.strictSame(await idsOf(queue, { ignoreDown: true }), ids)
})

t.test('what somebody else has locked is passed over in silence', async (t) => {
  const { queue, ids } = await queueOf(t, 3)
  lockedDescriptor(t, pathOf(queue, ids[1] ?? ''))
  const { items, ids: found, events } = await collect(queue)
  t.strictSame(found, [ids[0], ids[2]])
  t.strictSame(events, [])
  for (const item of items) item.close()
})

t.test('what Python has locked is passed over', { skip: withoutPython }, async (t) => {
  const { queue, ids } = await queueOf(t, 2)
  const python = await pythonLock(t, pathOf(queue, ids[0] ?? ''))
  t.strictSame(await idsOf(queue), [ids[1]])
  await python.end()
  t.strictSame(await idsOf(queue), ids)
})

t.test('an item is locked while it is worked on, and no longer', async (t) => {
  const { queue } = await queueOf(t, 2)
  for await (const item of queue.scan()) {
    t.notOk(isFree(pathOf(queue, item.id)))
    if (item.entropy === '0') {
      await item.done()
      t.ok(isFree(`${queue.context.paths.done}/${item.id}`))
    } else {
      item.close()
      t.ok(isFree(pathOf(queue, item.id)))
    }
  }
})

t.test('two scans share 200 items, each item once', async (t) => {
  const { queue, ids } = await queueOf(t, 200)
  const found: string[][] = await Promise.all(
    [0, 1].map(async () => {
      const mine: string[] = []
      for await (const item of queue.scan()) {
        mine.push(item.id)
        await item.done()
      }
      return mine
    }),
  )
  t.strictSame(found.flat().sort(), [...ids].sort())
  t.ok(
    found.every(({ length }) => length > 0),
    'and neither has them all',
  )
  t.strictSame(contentsOf(queue), { ...nothing, done: [...ids].sort() })
})

t.test('items that are enqueued after it began are not seen', async (t) => {
  const { queue, ids } = await queueOf(t, 2)
  const found: string[] = []
  for await (const item of queue.scan()) {
    found.push(item.id)
    await queue.enqueue('')
    await item.done()
  }
  t.strictSame(found, ids)
})

t.test('items that go before their turn are passed over in silence', async (t) => {
  const { queue, ids } = await queueOf(t, 3)
  const scan = queue.scan({ onEvent: ({ type }) => t.fail(type) })
  const first = await scan.next()
  unlinkSync(pathOf(queue, ids[1] ?? ''))
  const second = await scan.next()
  t.equal(second.value?.id, ids[2])
  first.value?.close()
  second.value?.close()
})

t.test('noOpen locks items all the same', async (t) => {
  const { queue, ids } = await queueOf(t, 2)
  const { items } = await collect(queue, { noOpen: true })
  t.strictSame(await idsOf(queue), [], 'another scan gets nothing')
  for (const item of items) await item.done()
  t.strictSame(contentsOf(queue), { ...nothing, done: ids })
})

t.test('without locks two scans get the same items', async (t) => {
  const { queue, ids } = await queueOf(t, 2)
  const one = await collect(queue, { lock: false })
  const other = await collect(queue, { lock: false })
  t.strictSame(one.ids, ids)
  t.strictSame(other.ids, ids)
  t.equal(await one.items[0]?.text(), ids[0])
  for (const item of one.items) await item.done()
  for (const item of other.items) await t.rejects(item.done(), { code: 'FSQ_NO_ITEM' })
  t.strictSame(contentsOf(queue), { ...nothing, done: ids })
})

t.test('whether a scan locks is for the settings where it does not say', async (t) => {
  const { settings } = (await queueOf(t, 1)).queue.context
  const queue = openRoot({ ...settings, lock: false }).queue('q')
  t.equal((await collect(queue)).ids.length, 1)
  t.equal((await collect(queue)).ids.length, 1, 'nothing is locked')
  t.equal((await collect(queue, { lock: true })).ids.length, 1)
  t.equal((await collect(queue, { lock: true })).ids.length, 0)
})

t.test('an item that is neither opened nor locked has a name, and can be finished', async (t) => {
  const { queue, ids } = await queueOf(t, 1)
  const { value: item } = await queue.scan({ noOpen: true, lock: false }).next()
  if (item === undefined) return t.fail('there was an item')
  t.equal(item.fd, undefined)
  await t.rejects(item.text(), {
    code: 'FSQ_NO_ITEM',
    message: `cannot use item ${itemName()} of q: it is closed, or was scanned without opening it`,
  })
  return t.match(await item.done(), { state: 'done', id: ids[0] })
})

t.test('maxRate spreads items evenly', async (t) => {
  const { queue } = await queueOf(t, 5)
  const times: number[] = []
  for await (const item of queue.scan({ maxRate: 50 })) {
    times.push(performance.now())
    item.close()
  }
  // Timers may be a millisecond early.
  const [first = 0] = times
  times.forEach((time, i) => {
    t.ok(time - first >= i * 19, `item ${i} is not early`)
  })
})

t.test('maxRate counts items, not what is passed over', async (t) => {
  const { queue, ids } = await queueOf(t, 3)
  const scan = queue.scan({ maxRate: 0.001 })
  for (const id of ids.slice(0, 2)) lockedDescriptor(t, pathOf(queue, id))
  const { value: item } = await scan.next()
  t.equal(item?.id, ids[2])
  item?.close()
})

const reason = new Error('enough')

const errorOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

t.test('a signal that was aborted before ends the scan with its reason', async (t) => {
  const { queue, ids } = await queueOf(t, 1)
  t.equal(await errorOf(queue.scan({ signal: AbortSignal.abort(reason) }).next()), reason)
  t.ok(isFree(pathOf(queue, ids[0] ?? '')))
})

t.test('a signal ends a scan between two items', async (t) => {
  const { queue, ids } = await queueOf(t, 2)
  const controller = new AbortController()
  const scan = queue.scan({ signal: controller.signal })
  const { value: item } = await scan.next()
  controller.abort(reason)
  t.equal(await errorOf(scan.next()), reason)
  t.ok(isFree(pathOf(queue, ids[1] ?? '')))
  item?.close()
})

t.test('a signal ends a scan that waits for its next item', async (t) => {
  const { queue } = await queueOf(t, 2)
  const controller = new AbortController()
  const scan = queue.scan({ signal: controller.signal, maxRate: 0.001 })
  const { value: item } = await scan.next()
  const next = errorOf(scan.next())
  controller.abort(reason)
  t.equal(await next, reason)
  item?.close()
})

t.test('leaving the loop closes what is not finished', async (t) => {
  const { queue, ids } = await queueOf(t, 3)
  const seen: Item[] = []
  for await (const item of queue.scan()) {
    seen.push(item)
    if (seen.length === 2) break
  }
  t.strictSame(
    seen.map(({ fd }) => fd),
    [undefined, undefined],
  )
  t.strictSame(await idsOf(queue), ids)
})

t.test('an error in the loop closes what is not finished', async (t) => {
  const { queue, ids } = await queueOf(t, 2)
  const work = async (): Promise<void> => {
    for await (const item of queue.scan()) throw new Error(`cannot work on ${item.id}`)
  }
  await t.rejects(work(), { message: `cannot work on ${itemName()}` })
  t.strictSame(await idsOf(queue), ids)
})

t.test('disposing of a scan closes what is not finished', async (t) => {
  const { queue, ids } = await queueOf(t, 2)
  const scan = queue.scan()
  await scan.next()
  await scan[Symbol.asyncDispose]()
  t.same(await scan.next(), { done: true, value: undefined })
  t.strictSame(await idsOf(queue), ids)
})

t.test('the end of the loop keeps what is not finished', async (t) => {
  const { queue, ids } = await queueOf(t, 2)
  const { items } = await collect(queue)
  t.strictSame(await idsOf(queue), [], 'another scan gets nothing')
  for (const item of items) item.close()
  t.strictSame(await idsOf(queue), ids)
})

t.test('where there is no queue', async (t) => {
  await t.rejects(collect(temporaryRoot(t).queue('q')), { code: 'FSQ_NO_QUEUE', queue: 'q' })
})

t.test('where the queue has no queue/', async (t) => {
  const queue = await temporaryQueue(t)
  rmdirSync(queue.context.paths.queue)
  await t.rejects(collect(queue), { code: 'FSQ_NO_QUEUE', message: /^not a whole queue: q / })
  writeFileSync(queue.context.paths.queue, '')
  await t.rejects(collect(queue), { code: 'FSQ_NO_QUEUE', message: /queue is not a directory/ })
})

t.test('a scan of many entries that are locked still ends', async (t) => {
  const { queue, ids } = await queueOf(t, 600)
  const { items } = await collect(queue)
  t.equal(items.length, 600)
  t.strictSame(await idsOf(queue), [])
  for (const item of items) item.close()
  t.strictSame(await idsOf(queue), ids)
})

t.test('a queue that is down says so although it is empty', async (t) => {
  const queue = await temporaryQueue(t, {}, { down: true })
  await t.rejects(idsOf(queue), { code: 'FSQ_DOWN' })
  t.strictSame(await idsOf(queue, { ignoreDown: true }), [])
})

t.test('a scan that ends while it waits for its next item leaves nothing locked', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  const second = await queue.enqueue('')
  const scan = queue.scan({ maxRate: 0.01 })
  await scan.next()
  const waiting = scan.next()
  await scan.return()
  t.strictSame(await waiting, { done: true, value: undefined })
  t.equal(isFree(`${queue.context.paths.queue}/${second}`), true)
})

for (const directory of ['queue', 'fail', 'done'] as const) {
  t.test(`a link in place of ${directory}/ leads nobody elsewhere`, async (t) => {
    const queue = await temporaryQueue(t)
    await queue.enqueue('')
    putEntry(queue.context.paths.queue, 'malformed')
    const elsewhere = `${queue.context.settings.root}/elsewhere`
    renameSync(queue.context.paths[directory], elsewhere)
    symlinkSync(elsewhere, queue.context.paths[directory])
    const before = readdirSync(elsewhere)
    const events: string[] = []
    const drain = async (): Promise<void> => {
      for await (const item of queue.scan({ onEvent: ({ type }) => events.push(type) }))
        await item.done()
    }
    if (directory === 'fail') {
      await drain()
      t.strictSame(events, ['error'])
    } else {
      await t.rejects(drain(), { code: 'FSQ_NO_QUEUE', message: /is not a directory/ })
    }
    t.strictSame(readdirSync(elsewhere), before)
  })
}

t.test('a scan with a limit yields so many of the oldest items', async (t) => {
  const queue = await temporaryQueue(t, { durability: 'none' })
  const ids = await queue.enqueueMany(Array.from({ length: 12 }, (_, i) => ({ arguments: [i] })))
  for (const limit of [1, 5, 12, 13]) {
    const scanned = []
    for await (const item of queue.scan({ limit })) {
      scanned.push(item.id)
      item.close()
    }
    t.strictSame(scanned, ids.slice(0, limit))
  }
})

t.test('what a scan with a limit passes over does not count', async (t) => {
  const queue = await temporaryQueue(t, { durability: 'none' })
  const ids = await queue.enqueueMany(Array.from({ length: 2100 }, () => ({})))
  const held = []
  for await (const item of queue.scan({ limit: 2050 })) held.push(item)
  t.equal(held.length, 2050)
  const [rest] = [queue.scan({ limit: 60 })]
  const scanned = []
  for await (const item of rest) scanned.push(item.id)
  t.strictSame(scanned, ids.slice(2050))
  for (const item of held) item.close()
})

for (const limit of [-1, 1.5, NaN]) {
  t.test(`${limit} is no limit of a scan`, async (t) => {
    const queue = await temporaryQueue(t)
    await t.rejects(queue.scan({ limit }).next(), { name: 'TypeError' })
  })
}

t.test('an item that is tried again does not come twice in a scan with a limit', async (t) => {
  const queue = await temporaryQueue(t, { durability: 'none', maxTries: 9 })
  const ids = await queue.enqueueMany(Array.from({ length: 1000 }, () => ({})))
  const held = []
  for await (const item of queue.scan({ limit: 999 })) held.push(item)
  const tried: number[] = []
  for await (const item of queue.scan({ limit: 5 })) {
    tried.push(item.tries)
    await item.failTmp()
  }
  t.strictSame(tried, [0], ids.at(-1) ?? '')
  for (const item of held) item.close()
})

t.test('timers have their turn while items are scanned and nothing is synced', async (t) => {
  const queue = await temporaryQueue(t, { durability: 'none' })
  await queue.enqueueMany(Array.from({ length: 2000 }, () => ({})))
  const abort = new AbortController()
  setImmediate(() => {
    abort.abort(new Error('enough'))
  })
  const scan = async (): Promise<void> => {
    for await (const item of queue.scan({ signal: abort.signal })) await item.done()
  }
  await t.rejects(scan(), { message: 'enough' })
})

t.test('a queue without done/ is not worked on', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  rmdirSync(queue.context.paths.done)
  await t.rejects(queue.scan().next(), { code: 'FSQ_NO_QUEUE', message: /fsq repair q/ })
})

t.test('an option that scan does not have is a TypeError', async (t) => {
  const queue = await temporaryQueue(t)
  const misspelt = { limt: 2 } as object
  await t.rejects(queue.scan(misspelt).next(), {
    message: /^Expected an option of scan, got limt; there are .*limit, /,
  })
})
