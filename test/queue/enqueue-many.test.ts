import { spawnSync } from 'node:child_process'
import { readFileSync, watch } from 'node:fs'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { FsqError } from '../../lib/errors.js'
import * as fileSystem from '../../lib/posix/file-system.js'
import * as files from '../../lib/posix/files.js'
import { getNative } from '../../lib/posix/native.js'
import * as native from '../../lib/posix/native.js'
import { sync } from '../../lib/posix/sync.js'
import type { Body } from '../../lib/queue/body.js'
import type * as EnqueueMany from '../../lib/queue/enqueue-many.js'
import type { NewItem, NewItemOutcome } from '../../lib/queue/enqueue-many.js'
import type { Queue } from '../../lib/root/queue.js'
import { openRoot } from '../../lib/root/root.js'
import type { Settings } from '../../lib/settings.js'
import { modeOf } from '../helpers/mode.js'
import { publishOn } from '../helpers/publish-on.js'
import { contentsOf, nothing, temporaryDirectory, temporaryQueue } from '../helpers/temporary.js'

const withoutPrlimit =
  spawnSync('prlimit', ['--version']).error === undefined ? false : 'there is no prlimit(1)'

const bodyOf = (queue: Queue, id: string): string =>
  readFileSync(`${queue.context.paths.queue}/${id}`, 'utf8')

const items = (count: number): NewItem[] =>
  Array.from({ length: count }, (_, i) => ({ body: `body ${i}`, arguments: [i] }))

/** What became of each item: its arguments, or the code of its error. */
function outcomesOf(error: unknown): string[] {
  // Not by its class: a module with a mocked disk has a class of its own.
  if (!(error instanceof Error) || !('outcomes' in error)) throw error
  return (error.outcomes as NewItemOutcome[]).map((outcome) => {
    if ('id' in outcome) return outcome.id.split('_').slice(6).join()
    return outcome.error instanceof FsqError ? outcome.error.code : String(outcome.error)
  })
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

for (const count of [0, 1, 63, 64, 1100]) {
  t.test(`${count} items are all there, in their order`, async (t) => {
    const queue = await temporaryQueue(t, { durability: 'none' })
    const ids = await queue.enqueueMany(items(count))
    t.equal(ids.length, count)
    t.strictSame(new Set(contentsOf(queue)['queue']), new Set(ids))
    t.ok(ids.every((id, i) => id.endsWith(`_${i}`) && bodyOf(queue, id) === `body ${i}`))
    t.strictSame(contentsOf(queue)['tmp'], [])
    const scanned = []
    for await (const { id } of queue.scan()) scanned.push(id)
    t.strictSame(scanned, ids)
  })
}

for (const durability of ['full', 'enqueue', 'none'] as const) {
  for (const syncfs of ['always', 'auto', 'never'] as const) {
    t.test(`with durability ${durability} and syncfs ${syncfs}`, async (t) => {
      const queue = await temporaryQueue(t, { durability, syncfs })
      const ids = await queue.enqueueMany(items(70))
      t.strictSame(contentsOf(queue), { ...nothing, queue: [...ids].sort() })
    })
  }
}

t.test('an item may be of any kind', async (t) => {
  const queue = await temporaryQueue(t)
  const file = `${queue.context.paths.queue}/../down`
  await queue.down()
  async function* source(): AsyncGenerator<NewItem> {
    yield {}
    yield { body: Buffer.from('bytes'), arguments: ['a'] }
    yield { body: Readable.from(['a ', 'stream']), entropy: 77 }
    yield { body: { file }, mode: 0o600 }
    yield { enqueuedAt: new Date(2020, 0, 2, 3, 4, 5), delimiter: '+' }
  }
  const ids = await queue.enqueueMany(source(), { mode: 0o640 })
  t.strictSame(
    ids.map((id) => bodyOf(queue, id)),
    ['', 'bytes', 'a stream', '', ''],
  )
  t.match(ids[2], /^_\d{14}_77_/)
  t.match(ids[4], /^\+20200102030405\+/)
  t.strictSame(
    ids.map((id) => modeOf(`${queue.context.paths.queue}/${id}`)),
    ['640', '640', '640', '600', '640'],
  )
})

t.test('the items around one that fails are in, and the error tells', async (t) => {
  const queue = await temporaryQueue(t)
  const error = await failureOf(
    queue.enqueueMany([
      { arguments: ['first'] },
      { arguments: ['x'.repeat(300)] },
      { body: { file: '/nowhere' } },
      { body: 7 as never },
      { arguments: ['last'] },
    ]),
  )
  t.strictSame(outcomesOf(error), [
    'first',
    'FSQ_NAME_TOO_LONG',
    'FSQ_BODY',
    'TypeError: Expected a body: a string, bytes, { file }, { fd } or a stream',
    'last',
  ])
  t.match(error, {
    name: 'PartialError',
    code: 'FSQ_PARTIAL',
    queue: 'q',
    message: /^3 of 5 items were not enqueued to q: the name of the item would be /,
  })
  t.equal(contentsOf(queue)['queue']?.length, 2)
  t.strictSame(contentsOf(queue)['tmp'], [])
})

t.test('after the batch with a failure no further item is taken', async (t) => {
  const queue = await temporaryQueue(t, { durability: 'none' })
  let taken = 0
  function* source(): Generator<NewItem> {
    for (;;) yield { arguments: [++taken === 3 ? 'x'.repeat(300) : 'ok'] }
  }
  const outcomes = outcomesOf(await failureOf(queue.enqueueMany(source())))
  t.equal(outcomes.length, taken)
  t.equal(outcomes.filter((outcome) => outcome === 'ok').length, taken - 1)
  t.equal(contentsOf(queue)['queue']?.length, taken - 1)
})

t.test('where the source fails, what came before is in', async (t) => {
  const queue = await temporaryQueue(t)
  function* source(): Generator<NewItem> {
    yield* items(2)
    throw new Error('no more')
  }
  const error = await failureOf(queue.enqueueMany(source()))
  t.strictSame(outcomesOf(error), ['0', '1'])
  t.match(error, { message: 'only the first 2 items were enqueued to q: no more' })
  t.equal(contentsOf(queue)['queue']?.length, 2)
})

t.test('without a queue every item fails', async (t) => {
  const queue = openRoot({ root: temporaryDirectory(t) }).queue('q')
  const outcomes = outcomesOf(await failureOf(queue.enqueueMany(items(2))))
  t.strictSame(outcomes, ['FSQ_NO_QUEUE', 'FSQ_NO_QUEUE'])
})

t.test('aborted, it leaves nothing of the batch', async (t) => {
  const queue = await temporaryQueue(t)
  const abort = new AbortController()
  function* source(): Generator<NewItem> {
    yield* items(2)
    yield {
      body: (async function* () {
        abort.abort(new Error('enough'))
        yield 'a body'
      })(),
    }
  }
  const { signal } = abort
  await t.rejects(queue.enqueueMany(source(), { signal }), { message: 'enough' })
  t.strictSame(contentsOf(queue), nothing)
  const taken: string[] = []
  function* others(): Generator<NewItem> {
    taken.push('one')
    yield {}
  }
  await t.rejects(queue.enqueueMany(others(), { signal }), { message: 'enough' })
  t.strictSame(taken, [], 'nor does it begin')
})

t.test('aborted while it waits for its source, it tells what is in', async (t) => {
  const queue = await temporaryQueue(t)
  const abort = new AbortController()
  async function* source(): AsyncGenerator<NewItem> {
    yield* items(3)
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise<void>(() => {
      // What has arrived is enqueued while the source keeps us waiting.
      const watcher = watch(queue.context.paths.queue, () => {
        watcher.close()
        abort.abort(new Error('enough'))
      })
    })
  }
  const error = await failureOf(queue.enqueueMany(source(), { signal: abort.signal }))
  const outcomes = outcomesOf(error)
  t.equal(outcomes.length, 3)
  t.match(error, { code: 'FSQ_PARTIAL', cause: { message: 'enough' } })
  const isIn = outcomes.filter((outcome) => !outcome.startsWith('Error'))
  t.equal(contentsOf(queue)['queue']?.length, isIn.length)
})

const misuses: Record<string, unknown> = {
  'a text in place of an item': ['Dear Alice'],
  'nothing in place of an item': [null],
  'the name of a member that there is not': [{ args: ['alice'] }],
  'a signal for one item': [{ signal: new AbortController().signal }],
}
for (const [what, misused] of Object.entries(misuses)) {
  t.test(`${what} is a TypeError, and the other items are in`, async (t) => {
    const queue = await temporaryQueue(t)
    const error = await failureOf(
      queue.enqueueMany([...(misused as NewItem[]), { arguments: ['ok'] }]),
    )
    const [first, second] = outcomesOf(error)
    t.match(first, /^TypeError: Expected /)
    t.equal(second, 'ok')
    t.equal(contentsOf(queue)['queue']?.length, 1)
  })
}

for (const list of [undefined, null, 'ab', 7, {}]) {
  t.test(`${JSON.stringify(list)} is no list of items`, async (t) => {
    const queue = await temporaryQueue(t)
    await t.rejects(queue.enqueueMany(list as never), { name: 'TypeError' })
    t.strictSame(contentsOf(queue), nothing)
  })
}

t.test('a member that is undefined does not hide what the call says', async (t) => {
  const queue = await temporaryQueue(t)
  const [id = ''] = await queue.enqueueMany([{ mode: undefined }], { mode: 0o600 })
  t.equal(modeOf(`${queue.context.paths.queue}/${id}`), '600')
})

const bodies: readonly Body[] = ['text', { file: '/etc/passwd' }]
for (const body of bodies)
  t.test(
    `with few files to open, a batch is enqueued in parts: ${JSON.stringify(body)}`,
    { skip: withoutPrlimit },
    async (t) => {
      const queue = await temporaryQueue(t, { syncfs: 'never' })
      const module = new URL('../../dist/index.js', import.meta.url).href
      const script = `
    import { openRoot } from ${JSON.stringify(module)}
    const queue = openRoot({ root: process.argv[1], syncfs: 'never' }).queue('q')
    const body = ${JSON.stringify(body)}
    await queue.enqueueMany(Array.from({ length: 300 }, (_, i) => ({ body, arguments: [i] })))
  `
      const { root } = queue.context.settings
      const run = [process.execPath, '--input-type=module', '-e', script, root]
      const { status, stderr } = spawnSync('prlimit', ['--nofile=100', 'env', '-i', ...run])
      t.equal(status, 0, stderr.toString())
      t.equal(contentsOf(queue)['queue']?.length, 300)
    },
  )

/** Enqueueing many on a disk that counts its syncs, and fails those that it is told to. */
async function countingDisk(
  t: Test,
  fails: { readonly file?: number; readonly syncfs?: true; readonly directory?: true } = {},
): Promise<{ enqueueItems: typeof EnqueueMany.enqueueItems; syncs: Record<string, number> }> {
  const syncs = { file: 0, syncfs: 0, directory: 0 }
  const eio = (): never => {
    throw Object.assign(new Error('EIO: a disk that breaks'), { code: 'EIO' })
  }
  const disk = {
    '../../lib/posix/files.js': {
      ...files,
      pinDirectory: (path: string) => ({
        ...files.pinDirectory(path),
        sync: async () => {
          syncs.directory++
          if (fails.directory === true) eio()
        },
      }),
    },
    '../../lib/posix/sync.js': {
      async sync(fd: number) {
        if (++syncs.file === fails.file) eio()
        await sync(fd)
      },
    },
    '../../lib/posix/native.js': {
      ...native,
      getNative: () => ({
        ...getNative(),
        syncfs: async () => {
          syncs.syncfs++
          if (fails.syncfs === true) eio()
        },
      }),
    },
    '../../lib/posix/file-system.js': { ...fileSystem, syncfsReports: () => true },
  }
  const { enqueueItems } = await t.mockImport<typeof EnqueueMany>(
    '../../lib/queue/enqueue-many.js',
    {
      ...disk,
      '../../lib/queue/draft.js': await t.mockImport<object>('../../lib/queue/draft.js', disk),
      '../../lib/queue/flush.js': await t.mockImport<object>('../../lib/queue/flush.js', disk),
      '../../lib/queue/publish.js': await publishOn(t, disk),
    },
  )
  return { enqueueItems, syncs }
}

// One fsync beside each syncfs is that of tmp/.
const costs: [
  settings: Partial<Settings>,
  count: number,
  syncs: { file: number; syncfs: number; directory: number },
][] = [
  [{}, 1, { file: 1, syncfs: 0, directory: 1 }],
  [{}, 63, { file: 63, syncfs: 0, directory: 1 }],
  [{}, 64, { file: 1, syncfs: 1, directory: 1 }],
  [{}, 1024, { file: 2, syncfs: 2, directory: 2 }],
  [{ durability: 'enqueue' }, 64, { file: 1, syncfs: 1, directory: 1 }],
  [{ durability: 'none' }, 64, { file: 0, syncfs: 0, directory: 0 }],
  [{ syncfs: 'never' }, 64, { file: 64, syncfs: 0, directory: 1 }],
  [{ syncfs: 'always' }, 2, { file: 1, syncfs: 1, directory: 1 }],
]
for (const [settings, count, expected] of costs) {
  const named = JSON.stringify(settings)
  t.test(`${count} items with ${named} cost ${JSON.stringify(expected)}`, async (t) => {
    const { enqueueItems, syncs } = await countingDisk(t)
    const { context } = await temporaryQueue(t, settings)
    await enqueueItems(context, items(count))
    t.strictSame(syncs, expected)
  })
}

t.test('a file that cannot be synced is not enqueued, and the others are', async (t) => {
  const { enqueueItems, syncs } = await countingDisk(t, { file: 2 })
  const queue = await temporaryQueue(t)
  const outcomes = outcomesOf(await failureOf(enqueueItems(queue.context, items(3))))
  t.strictSame(outcomes, ['0', 'FSQ_ENQUEUE', '2'])
  t.equal(syncs['file'], 3, 'no sync is tried again')
  t.equal(contentsOf(queue)['queue']?.length, 2)
  t.strictSame(contentsOf(queue)['tmp'], [])
})

for (const fails of [{ syncfs: true }, { directory: true }] as const) {
  t.test(`where ${Object.keys(fails).join()} fails, nothing of the batch is in`, async (t) => {
    const { enqueueItems } = await countingDisk(t, fails)
    const queue = await temporaryQueue(t)
    const error = await failureOf(enqueueItems(queue.context, items(64)))
    t.strictSame([...new Set(outcomesOf(error))], ['FSQ_ENQUEUE'])
    t.strictSame(contentsOf(queue), nothing)
  })
}
