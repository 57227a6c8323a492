import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { numbersIn, fileOf } from '../helpers/ordered.js'
import { contentsOf, entriesOf, nothing, temporaryQueue } from '../helpers/temporary.js'
import { deferred } from '../../lib/deferred.js'
import { lockedDescriptor } from '../helpers/lock.js'

const ordered = true

t.test('items get numbers in the order in which they become visible', async (t) => {
  const queue = await temporaryQueue(t)
  const rest = deferred<string>()
  const slow = queue.enqueue(body(rest.promise), ['slow'], { ordered })
  const first = await queue.enqueue('', ['fast'], { ordered })
  t.match(first, /^_\d{14}_00000000000000000001_\d+_[^_]+_0_fast$/)
  rest.resolve('its end')
  t.match(await slow, /^_\d{14}_00000000000000000002_\d+_[^_]+_0_slow$/)
  t.equal(fileOf(queue, 'seq'), '3\n')
  t.strictSame(entriesOf(queue.path), ['done', 'fail', 'queue', 'seq', 'seq.lock', 'tmp'])
  t.strictSame(contentsOf(queue)['tmp'], [])
})

async function* body(rest: Promise<string>): AsyncGenerator<Uint8Array> {
  yield Buffer.from('its beginning, ')
  yield Buffer.from(await rest)
}

t.test('an enqueue that fails leaves no gap', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('', ['1'], { ordered })
  await t.rejects(queue.enqueue({ file: '/no/such/file' }, [], { ordered }), { code: 'FSQ_BODY' })
  const long = ['x'.repeat(220)]
  await t.rejects(queue.enqueue('', long, { ordered }), { code: 'FSQ_NAME_TOO_LONG' })
  t.notOk(existsSync(`${queue.path}/seq.temp`), 'it never got as far as a number')
  const signal = AbortSignal.abort(new Error('enough'))
  await t.rejects(queue.enqueue('', [], { ordered, signal }), { message: 'enough' })
  rmSync(queue.context.paths.queue, { recursive: true }) // So that the link fails.
  await t.rejects(queue.enqueue('', [], { ordered }), { code: 'FSQ_NO_QUEUE' })
  mkdirSync(queue.context.paths.queue)
  await queue.enqueue('', ['2'], { ordered })
  t.strictSame(numbersIn(queue), [2n])
  t.equal(fileOf(queue, 'seq'), '3\n')
})

t.test('many at once, alone and in batches, get all numbers once', async (t) => {
  const queue = await temporaryQueue(t)
  const one = (): Promise<string> => queue.enqueue('', [], { ordered })
  const batch = (): Promise<string[]> =>
    queue.enqueueMany([{ ordered }, { arguments: ['without'] }, { ordered }])
  const all = [one(), batch(), ...Array.from({ length: 20 }, one), batch(), one()]
  await Promise.all(all)
  const numbers = numbersIn(queue).filter((number) => number >= 0n)
  t.strictSame(
    numbers,
    Array.from({ length: 26 }, (_, at) => BigInt(at + 1)),
  )
  t.equal(contentsOf(queue)['queue']?.length, 28)
})

t.test('a batch gets numbers in its order, and an item that fails takes none', async (t) => {
  const queue = await temporaryQueue(t)
  const items = ['a', 'b', 'x'.repeat(300), 'c'].map((argument) => ({ arguments: [argument] }))
  await t.rejects(queue.enqueueMany(items, { ordered }), { code: 'FSQ_PARTIAL' })
  const seen = contentsOf(queue)['queue']?.map((name) => name.replace(/^_\d+_0*(\d+)_.*_/, '$1'))
  t.strictSame(seen, ['1a', '2b', '3c'])
  await queue.enqueue('', [], { ordered })
  t.strictSame(numbersIn(queue), [1n, 2n, 3n, 4n])
})

/** What a crash may leave, and which number is next then. */
const crashes: [what: string, files: Record<string, string>, next: bigint][] = [
  ['nothing was begun', { seq: '7' }, 7n],
  ['there is no number yet', {}, 1n],
  ['the one who works was told where to begin', { nextseq: '9' }, 9n],
  ['killed before the link', { seq: '7', 'seq.temp': '8' }, 7n],
  ['killed in the write of seq.temp', { seq: '7', 'seq.temp': '' }, 7n],
  ['killed after the link', { seq: '7', 'seq.temp': '8', queue: '7' }, 8n],
  ['the same, and it is done meanwhile', { seq: '7', 'seq.temp': '8', done: '7' }, 8n],
  ['the same, and failed', { seq: '7', 'seq.temp': '8', fail: '7' }, 8n],
  ['the same, and pruned', { seq: '7', 'seq.temp': '8', nextseq: '8' }, 8n],
  ['killed in a batch', { seq: '7', 'seq.temp': '17', queue: '9', done: '7' }, 10n],
  ['others have larger numbers', { seq: '7', 'seq.temp': '8', queue: '900' }, 7n],
  ['killed at the first', { 'seq.temp': '2', queue: '1' }, 2n],
  [
    'killed at the last',
    { seq: '18446744073709551615', 'seq.temp': '0', queue: '18446744073709551615' },
    0n,
  ],
]

for (const [what, files, next] of crashes) {
  t.test(`no number is lost or given twice: ${what}`, async (t) => {
    const queue = await temporaryQueue(t)
    for (const [name, text] of Object.entries(files)) {
      const id = `_20261122000000_${text.padStart(20, '0')}_1_host_0`
      if (name === 'queue' || name === 'done' || name === 'fail')
        writeFileSync(`${queue.path}/${name}/${id}`, '')
      else writeFileSync(`${queue.path}/${name}`, text)
    }
    const id = await queue.enqueue('', [], { ordered })
    t.equal(id.split('_')[2], String(next).padStart(20, '0'))
    t.notOk(existsSync(`${queue.path}/seq.temp`))
  })
}

t.test('numbers on their way that cannot be read are not taken to be free', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('', [], { ordered })
  symlinkSync('elsewhere', `${queue.path}/seq.temp`)
  await t.rejects(queue.enqueue('', [], { ordered }), { code: 'FSQ_SEQUENCE' })
  t.strictSame(numbersIn(queue), [1n])
})

t.test('a number may come from elsewhere', async (t) => {
  const queue = await temporaryQueue(t)
  for (const sequence of [17n, 4, '9', 2n ** 64n - 1n]) await queue.enqueue('', [], { sequence })
  t.strictSame(numbersIn(queue), [4n, 9n, 17n, 2n ** 64n - 1n])
  t.strictSame(entriesOf(queue.path), ['done', 'fail', 'queue', 'tmp'], 'no sequence is kept here')
  const bad = [-1, 1.5, '', 'x', '-1', '1'.repeat(21), 2n ** 64n]
  for (const sequence of bad)
    await t.rejects(queue.enqueue('', [], { sequence }), TypeError, String(sequence))
  const twice = [
    { ordered, sequence: 1 },
    { ordered, entropy: 1 },
    { entropy: 1, sequence: 1 },
    { ordered: 'yes' as unknown as boolean },
  ]
  for (const options of twice) {
    await t.rejects(queue.enqueue('', [], options), TypeError)
    await t.rejects(queue.enqueueMany([options]), { code: 'FSQ_PARTIAL' })
  }
  const enqueuedAt = new Date()
  await queue.enqueue('', [], { sequence: 30, enqueuedAt })
  await t.rejects(queue.enqueue('', [], { sequence: 30, enqueuedAt }), { code: 'FSQ_DUPLICATE' })
})

t.test('a sequence that cannot be used, or is locked, keeps items out', async (t) => {
  const queue = await temporaryQueue(t)
  writeFileSync(`${queue.path}/seq`, 'seven\n')
  await t.rejects(queue.enqueue('', [], { ordered }), { code: 'FSQ_SEQUENCE' })
  t.strictSame(contentsOf(queue), nothing)
  writeFileSync(`${queue.path}/seq`, '7\n')
  lockedDescriptor(t, `${queue.path}/seq.lock`)
  const ended = new AbortController()
  const waiting = queue.enqueue('', [], { ordered, signal: ended.signal })
  setTimeout(() => {
    ended.abort(new Error('enough'))
  }, 20)
  await t.rejects(waiting, { message: 'enough' })
  t.strictSame(contentsOf(queue), nothing)
})

t.test('a queue with a sequence can be uninstalled', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('', [], { ordered })
  for await (const item of queue.scan({ ordered })) await item.done()
  t.strictSame(entriesOf(queue.path), [
    ...['done', 'fail', 'nextseq', 'nextseq.lock', 'queue', 'seq', 'seq.lock', 'tmp'],
  ])
  await queue.uninstall()
  t.notOk(existsSync(queue.path))
})
