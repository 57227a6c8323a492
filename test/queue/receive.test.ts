import { readFileSync, rmdirSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { FsqError } from '../../lib/errors.js'
import * as files from '../../lib/posix/files.js'
import * as names from '../../lib/posix/names.js'
import type * as Reenqueue from '../../lib/queue/reenqueue.js'
import { bytesOf } from '../helpers/bytes.js'
import { eventually } from '../helpers/cli.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { modeOf } from '../helpers/mode.js'
import { publishOn } from '../helpers/publish-on.js'
import { contentsOf, nothing, temporaryQueue, underUmask } from '../helpers/temporary.js'

const id = itemName({ args: ['a'] })

t.test('an item is received under its name, with its bytes', async (t) => {
  const bytes = bytesOf(700_001)
  const halves = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 3)
    yield bytes.subarray(3)
  }
  const bodies = { bytes, text: 'ü', stream: halves() }
  for (const [what, body] of Object.entries(bodies)) {
    const queue = await temporaryQueue(t)
    t.equal(await queue.receive(id, body), true, what)
    t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
    const expected = what === 'text' ? Buffer.from('ü') : bytes
    t.ok(readFileSync(`${queue.path}/queue/${id}`).equals(expected))
  }
})

t.test('text is received in the charset of the queue', async (t) => {
  const queue = await temporaryQueue(t, { charset: 'latin1' })
  await queue.receive(itemName({ args: ['ü'] }), 'ü')
  const item = await queue.claim(itemName({ args: ['ü'] }))
  t.strictSame([item.arguments, await item.bytes()], [['ü'], Buffer.from([0xfc])])
  item.close()
  await t.rejects(queue.receive(id, '漢'), { code: 'FSQ_COERCE' })
  t.strictSame(contentsOf(queue)['tmp'], [])
})

t.test('what it received it hands out, as if it had been enqueued there', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.receive(itemName({ tries: 2, args: ['x', '%2f'] }), 'body')
  for await (const item of queue.scan({ maxTries: 9 })) {
    t.match(item, { tries: 2, pid: '13044', hostname: 'mss', arguments: ['x', '/'] })
    t.equal(await item.text(), 'body')
    await item.done()
  }
  t.equal(contentsOf(queue)['done']?.length, 1)
})

t.test('an item that is there is there, and stays as it is', async (t) => {
  const queue = await temporaryQueue(t)
  putEntry(queue.context.paths.queue, id, 'precious')
  t.equal(await queue.receive(id, 'another'), false)
  t.equal(await queue.receive(id, 'another'), false)
  t.equal(readFileSync(`${queue.path}/queue/${id}`, 'utf8'), 'precious')
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})

t.test('of which many copies come at once is there once', async (t) => {
  const queue = await temporaryQueue(t)
  const added = await Promise.all(Array.from({ length: 8 }, () => queue.receive(id, 'body')))
  t.equal(added.filter((each) => each).length, 1)
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})

/** What anybody may send as a name, and why it is none. */
const refused: readonly [name: string, code: string][] = [
  ['', 'FSQ_PATH'],
  ['.', 'FSQ_PATH'],
  ['..', 'FSQ_PATH'],
  ['/', 'FSQ_PATH'],
  ['/etc/passwd', 'FSQ_PATH'],
  [`../queue/${id}`, 'FSQ_PATH'],
  [`../../other/queue/${id}`, 'FSQ_PATH'],
  [`${id}/../x`, 'FSQ_PATH'],
  [`${id}/`, 'FSQ_PATH'],
  [`/${id}`, 'FSQ_PATH'],
  [`${id}\0`, 'FSQ_PATH'],
  [`\0${id}`, 'FSQ_PATH'],
  [itemName({ args: ['x'.repeat(255)] }), 'FSQ_NAME_TOO_LONG'],
  [itemName({ args: ['ü'.repeat(120)] }), 'FSQ_NAME_TOO_LONG'],
  ['x'.repeat(1_000_000), 'FSQ_NAME_TOO_LONG'],
  [itemName({ args: ['\ud800'] }), 'FSQ_COERCE'],
  ['nonsense', 'FSQ_MALFORMED'],
  ['_1_2_3_4', 'FSQ_MALFORMED'],
  ['.hidden', 'FSQ_MALFORMED'],
  ['.nfs000000000000000100000001', 'FSQ_MALFORMED'],
  [itemName({ tries: '-1' }), 'FSQ_MALFORMED'],
  [itemName({ tries: '1e3' }), 'FSQ_MALFORMED'],
  [itemName({ timestamp: 'yesterday' }), 'FSQ_TIMEFMT'],
  [itemName({ args: ['%2'] }), 'FSQ_ENCODE'],
  [itemName({ args: ['%zz'] }), 'FSQ_ENCODE'],
  ['%20120710213904%0%1%h%0', 'FSQ_ENCODE'],
]

t.test('what is no name of a work-item is refused, and nothing is written', async (t) => {
  const queue = await temporaryQueue(t)
  for (const [name, code] of refused) {
    const error: unknown = await queue.receive(name, 'body').catch((reason: unknown) => reason)
    t.ok(error instanceof FsqError, JSON.stringify(name.slice(0, 60)))
    t.match(error, { code, queue: 'q' }, JSON.stringify(name.slice(0, 60)))
  }
  for (const name of [undefined, 7, {}, ['x']])
    await t.rejects(queue.receive(name as unknown as string, 'body'), TypeError)
  t.strictSame(contentsOf(queue), nothing)
})

t.test('the delimiter and the encode character of a name are its own affair', async (t) => {
  const queue = await temporaryQueue(t)
  const names = ['-20120710213904-0-1-h-0-x', '.20120710213904.0.1.h.0', 'x20120710213904x0x1xhx0']
  for (const name of names) t.equal(await queue.receive(name, ''), true)
  t.strictSame(contentsOf(queue)['queue'], [...names].sort())
})

t.test('a body that ends before its end leaves nothing', async (t) => {
  const queue = await temporaryQueue(t)
  const body = new PassThrough()
  const received = queue.receive(id, body)
  body.write('the first half of')
  body.destroy(new Error('the peer is gone'))
  await t.rejects(received, { code: 'FSQ_BODY', message: /the peer is gone/ })
  t.strictSame(contentsOf(queue), nothing)
})

t.test('an abort in the middle of a body leaves nothing', async (t) => {
  const queue = await temporaryQueue(t)
  const controller = new AbortController()
  const body = new PassThrough()
  const received = queue.receive(id, body, { signal: controller.signal })
  await eventually(() => contentsOf(queue)['tmp']?.length === 1)
  controller.abort(new Error('enough'))
  await t.rejects(received, { message: 'enough' })
  t.ok(body.destroyed, 'the source is released')
  t.strictSame(contentsOf(queue), nothing)
})

t.test('a body is released where the name is refused', async (t) => {
  const queue = await temporaryQueue(t)
  const body = new PassThrough()
  await t.rejects(queue.receive('..', body), { code: 'FSQ_PATH' })
  t.ok(body.destroyed)
})

t.test('nothing comes to a queue that is missing, or is not whole', async (t) => {
  const queue = await temporaryQueue(t)
  rmdirSync(queue.context.paths.tmp)
  await t.rejects(queue.receive(id, 'x'), { code: 'FSQ_NO_QUEUE', message: /^not a whole queue/ })
  await queue.uninstall({ force: true })
  await t.rejects(queue.receive(id, 'x'), { code: 'FSQ_NO_QUEUE', message: /^no such queue/ })
})

t.test('the mode is that of the settings, whatever the umask, and cannot be sent', async (t) => {
  const queue = await temporaryQueue(t, { itemMode: 0o604 })
  await underUmask(0o077, () => queue.receive(id, ''))
  t.equal(modeOf(`${queue.path}/queue/${id}`), '604')
  for (const member of ['mode', 'user', 'group', 'link'])
    await t.rejects(queue.receive(id, '', { [member]: 0 }), TypeError)
})

/** {@link receiveItem} where parts of the machine are others. */
const receiveOn = async (
  t: Test,
  machine: Readonly<Record<string, object>>,
): Promise<typeof Reenqueue.receiveItem> => {
  const { receiveItem } = await t.mockImport<typeof Reenqueue>('../../lib/queue/reenqueue.js', {
    ...machine,
    '../../lib/queue/publish.js': await publishOn(t, machine),
  })
  return receiveItem
}

t.test('what comes at the same time shares the syncs of queue/', async (t) => {
  let synced = 0
  const pinDirectory = (path: string): files.PinnedDirectory => {
    const pinned = files.pinDirectory(path)
    const sync = async (): Promise<void> => {
      synced++
      await pinned.sync()
    }
    return { ...pinned, sync }
  }
  const receiveItem = await receiveOn(t, {
    '../../lib/posix/files.js': { ...files, pinDirectory },
  })
  const queue = await temporaryQueue(t)
  const names = Array.from({ length: 32 }, (_, at) => itemName({ entropy: at }))
  await Promise.all(names.map((name) => receiveItem(queue.context, name, 'body')))
  t.ok(synced > 0 && synced < 20, `${synced} for 32 items`)
})

t.test('where a system call fails, that is no success, and nothing is left in tmp/', async (t) => {
  const fail = (): never => {
    throw Object.assign(new Error('EIO: a disk that breaks'), { code: 'EIO' })
  }
  const machines = {
    link: { '../../lib/posix/names.js': { ...names, link: fail } },
    sync: { '../../lib/posix/sync.js': { sync: async () => fail() } },
    write: { '../../lib/queue/body.js': { releaseBody: () => undefined, writeBody: fail } },
  }
  for (const [call, machine] of Object.entries(machines)) {
    const receiveItem = await receiveOn(t, machine)
    const queue = await temporaryQueue(t)
    await t.rejects(
      receiveItem(queue.context, id, 'x'),
      { code: 'FSQ_ENQUEUE', errno: 'EIO' },
      call,
    )
    t.strictSame(contentsOf(queue), nothing, call)
  }
})
