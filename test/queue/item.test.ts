import { readSync, unlinkSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type * as Claim from '../../lib/queue/claim.js'
import type { RetryOptions } from '../../lib/queue/finish.js'
import type { Item } from '../../lib/queue/item.js'
import type { Body } from '../../lib/queue/body.js'
import type { Scan } from '../../lib/queue/scan.js'
import type { SettingsOptions } from '../../lib/settings.js'
import { bytesOf } from '../helpers/bytes.js'
import { isFree } from '../helpers/lock.js'
import { contentsOf, nothing, temporaryQueue } from '../helpers/temporary.js'

const itemWith = async (t: Test, body: Body, settings: SettingsOptions = {}): Promise<Item> => {
  const queue = await temporaryQueue(t, settings)
  const item = await queue.claim(await queue.enqueue(body))
  t.teardown(() => {
    item.close()
  })
  return item
}

const bytes = bytesOf(700_001)

t.test('a body is read whole, as often as one likes', async (t) => {
  const item = await itemWith(t, bytes)
  t.equal(item.size, bytes.length)
  t.ok((await buffer(item.body())).equals(bytes))
  t.ok((await buffer(item.body())).equals(bytes))
  t.ok((await item.bytes()).equals(bytes))
})

t.test('who watches is woken once the lock of an item to be tried again is free', async (t) => {
  const queue = await temporaryQueue(t, { maxTries: 0 })
  const id = await queue.enqueue('a body')
  const wakes: boolean[] = []
  const isFreeNow = (): boolean => {
    const names = contentsOf(queue)['queue'] ?? []
    return names.length === 1 && names.every((name) => isFree(`${queue.path}/queue/${name}`))
  }
  class LaterWake {
    #isAsked = false

    readonly ask = (): void => {
      this.#isAsked = true
    };

    [Symbol.dispose](): void {
      if (this.#isAsked) wakes.push(isFreeNow())
    }
  }
  const { claimByName } = await t.mockImport<typeof Claim>('../../lib/queue/claim.js', {
    '../../lib/queue/item.js': await t.mockImport<object>('../../lib/queue/item.js', {
      '../../lib/queue/wake.js': { LaterWake },
    }),
  })
  const item = claimByName(queue.context, id)
  await item.failTmp()
  t.strictSame(wakes, [true])
  item.close()
  t.equal(wakes.length, 1, 'no more than once')
})

t.test('two streams of one body do not disturb each other', async (t) => {
  const item = await itemWith(t, bytes)
  const both = await Promise.all([buffer(item.body()), buffer(item.body())])
  for (const body of both) t.ok(body.equals(bytes))
})

t.test('what a stream has given stays as it was', async (t) => {
  const item = await itemWith(t, bytes)
  const pieces: Buffer[] = []
  for await (const piece of item.body()) pieces.push(piece as Buffer)
  t.ok(Buffer.concat(pieces).equals(bytes))
})

t.test('reading leaves the descriptor at the start', async (t) => {
  const item = await itemWith(t, 'abc')
  await item.text()
  await buffer(item.body())
  const byte = Buffer.alloc(1)
  readSync(item.fd ?? -1, byte)
  t.equal(byte.toString(), 'a')
  t.equal(await item.text(), 'abc', 'and a descriptor that was read from gives it all')
})

t.test('a body is read as bytes, text and JSON', async (t) => {
  const item = await itemWith(t, '{"a":"é"}')
  t.ok((await item.bytes()).equals(Buffer.from('{"a":"é"}')))
  t.equal(await item.text(), '{"a":"é"}')
  t.strictSame(await item.json(), { a: 'é' })
})

t.test('a body of nothing is empty', async (t) => {
  const item = await itemWith(t, '')
  t.equal(item.size, 0)
  t.equal(await item.text(), '')
  t.equal((await buffer(item.body())).length, 0)
  await t.rejects(item.json(), { name: 'SyntaxError' })
})

t.test('text is read in the charset of the settings', async (t) => {
  const item = await itemWith(t, Buffer.of(0xe9), { charset: 'latin-1' })
  t.equal(await item.text(), 'é')
})

t.test('bytes that are no text in the charset are refused as text', async (t) => {
  const item = await itemWith(t, Buffer.of(0xe9))
  await t.rejects(item.text(), { code: 'FSQ_COERCE' })
  await t.rejects(item.json(), { code: 'FSQ_COERCE' })
})

t.test('an item that is closed cannot be read, and may be closed again', async (t) => {
  const item = await itemWith(t, 'a body')
  item.close()
  item.close()
  const closed = { code: 'FSQ_NO_ITEM', message: /closed/, id: item.id, queue: 'q' }
  t.equal(item.fd, undefined)
  t.throws(() => item.size, closed)
  await t.rejects(item.bytes(), closed)
  await t.rejects(item.text(), closed)
  await t.rejects(buffer(item.body()), closed)
})

t.test('disposing of an item leaves it in the queue, unlocked', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('')
  const item = await queue.claim(id)
  await item[Symbol.asyncDispose]()
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  t.ok(isFree(`${queue.context.paths.queue}/${id}`))
})

t.test('disposing of an item that is finished is harmless', async (t) => {
  const queue = await temporaryQueue(t)
  const item = await queue.claim(await queue.enqueue(''))
  await item.done()
  await item[Symbol.asyncDispose]()
  t.strictSame(contentsOf(queue), { ...nothing, done: [item.id] })
})

const nextOf = async (scan: Scan): Promise<Item> => {
  const { value } = await scan.next()
  if (value === undefined) throw new Error('no item')
  return value
}

t.test('a body that is read too late is an error, never the bytes of another item', async (t) => {
  const queue = await temporaryQueue(t)
  for (const letter of ['a', 'b']) await queue.enqueue(Buffer.alloc(3_000_000, letter))
  const scan = queue.scan()
  const first = await nextOf(scan)
  const pieces = first.body()[Symbol.asyncIterator]()
  await pieces.next()
  await first.done()
  const second = await nextOf(scan)
  await t.rejects(
    async () => {
      for (;;) {
        const result = (await pieces.next()) as IteratorResult<Buffer, undefined>
        if (result.done === true) return
        t.notOk(result.value.includes('b'), 'it is of the item', { diagnostic: false })
      }
    },
    { code: 'FSQ_NO_ITEM' },
  )
  await second.done()
})

t.test(
  'an item that is closed while it is finished stays closed, even where that fails',
  async (t) => {
    const queue = await temporaryQueue(t)
    const id = await queue.enqueue('')
    const item = await queue.claim(id)
    unlinkSync(`${queue.context.paths.queue}/${id}`)
    const finishing = item.done()
    item.close()
    await t.rejects(finishing, { code: 'FSQ_NO_ITEM' })
    t.equal(item.fd, undefined)
    item.close()
  },
)

t.test('limits that are undefined are those of the scan', async (t) => {
  const queue = await temporaryQueue(t, { maxTries: 1 })
  await queue.enqueue('')
  for await (const item of queue.scan()) {
    const given = { ttl: 60, maxTries: undefined } as unknown as { ttl: number }
    t.match(await item.failTmp(given), { state: 'fail', reason: { code: 'FSQ_MAX_TRIES' } })
  }
})

t.test(
  'an exit status that is none is a TypeError, and the item can still be finished',
  async (t) => {
    const queue = await temporaryQueue(t)
    using item = await queue.claim(await queue.enqueue(''))
    for (const status of [null, '0', NaN, true, 1.5]) {
      const message = /^Expected an exit status, a whole number, got /
      await t.rejects(item.done(status as number), { name: 'TypeError', message })
    }
    t.match(await item.done(0), { state: 'done' })
  },
)

t.test('limits that are no numbers are TypeErrors', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('')
  const soon = { ttl: 'soon' as unknown as number }
  await t.rejects(queue.claim(id, soon), {
    name: 'TypeError',
    message: /^Expected ttl to be a whole/,
  })
  await t.rejects(queue.scan(soon).next(), { name: 'TypeError' })
  await t.rejects(queue.scan({ maxRate: NaN }).next(), { name: 'TypeError' })
  using item = await queue.claim(id)
  await t.rejects(item.failTmp({ maxTries: -1 }), { name: 'TypeError' })
  const misspelt = { dely: 5 } as RetryOptions
  await t.rejects(item.failTmp(misspelt), { name: 'TypeError', message: /got dely; there are not/ })
})
