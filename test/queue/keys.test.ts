import { basename } from 'node:path'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { FsqError } from '../../lib/errors.js'
import { getNative } from '../../lib/posix/native.js'
import { close, openDirectory } from '../../lib/posix/files.js'
import * as names from '../../lib/posix/names.js'
import type { Path } from '../../lib/posix/path.js'
import type { QueueContext } from '../../lib/queue/context.js'
import { Draft } from '../../lib/queue/draft.js'
import type * as Keys from '../../lib/queue/key.js'
import type { Queue } from '../../lib/root/queue.js'
import { pruneItems } from '../../lib/upkeep/prune-items.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { modeOf } from '../helpers/mode.js'
import { cannotPin, replaceByLink } from '../helpers/replace-by-link.js'
import { snapshot } from '../helpers/snapshot.js'
import { contentsOf, nothing, temporaryQueue, underUmask } from '../helpers/temporary.js'

const id = 'order 4711'

function keysIn(queue: Queue): string[] {
  return readdirSync(queue.context.paths.ids)
}

/** The directory of the only key, with the name of its only link. */
function onlyKey(queue: Queue): { directory: string; name: string | undefined } {
  const [key = ''] = keysIn(queue)
  const directory = `${queue.context.paths.ids}/${key}`
  return { directory, name: readdirSync(directory)[0] }
}

async function finishFirst(queue: Queue, how: 'done' | 'failPerm' | 'retry'): Promise<string> {
  for await (const item of queue.scan({ maxTries: 0 })) return (await item[how]()).id
  throw new Error('there is no item')
}

t.test('while an item with the key is there, no other is enqueued', async (t) => {
  for (const state of ['waiting', 'done', 'failPerm', 'retry'] as const) {
    await t.test(state, async (t) => {
      const queue = await temporaryQueue(t)
      const first = await queue.enqueue('one', ['a'], { id })
      if (state !== 'waiting') await finishFirst(queue, state)
      const before = contentsOf(queue)
      t.equal(await queue.enqueue('two', ['b'], { id }), first, 'its name is the answer')
      await t.rejects(queue.enqueue('two', ['b'], { id, onDuplicate: 'error' }), {
        code: 'FSQ_ID_TAKEN',
        id: first,
        queue: 'q',
        exitStatus: 111,
      })
      t.strictSame(await queue.enqueueMany([{ id }, { id }]), [first, first])
      t.strictSame(contentsOf(queue), before, 'and nothing has changed')
    })
  }
})

t.test('the key is free again once its item is removed', async (t) => {
  const queue = await temporaryQueue(t)
  const first = await queue.enqueue('one', [], { id })
  await finishFirst(queue, 'done')
  unlinkSync(`${queue.context.paths.done}/${first}`)
  const second = await queue.enqueue('two', [], { id })
  t.not(second, first)
  t.strictSame(contentsOf(queue), { ...nothing, queue: [second] })
  t.equal(onlyKey(queue).name, second)
})

t.test('prune removes the keys of what it removes', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueueMany([{ id: 'a' }, { id: 'b' }])
  await finishFirst(queue, 'done')
  const options = { olderThan: 1, now: new Date(Date.now() + 60_000) }
  await pruneItems(queue, { ...options, dryRun: true })
  t.equal(keysIn(queue).length, 2)
  t.strictSame(await pruneItems(queue, options), { removed: 1 })
  t.equal(keysIn(queue).length, 1)
})

t.test('keys are told apart, and by nothing but their bytes', async (t) => {
  const queue = await temporaryQueue(t)
  const keys = ['a', 'A', ' a', '../../etc', '\0', 'é', 'e\u0301', '😀', 'k'.repeat(4096)]
  const names = await queue.enqueueMany(keys.map((id) => ({ id })))
  t.equal(new Set(names).size, keys.length)
  t.strictSame(await queue.enqueueMany(keys.map((id) => ({ id }))), names)
})

t.test('two queues have their own keys', async (t) => {
  const queue = await temporaryQueue(t)
  const other = await temporaryQueue(t)
  await queue.enqueue('', [], { id })
  await other.enqueue('', [], { id })
  t.equal(contentsOf(other)['queue']?.length, 1)
})

t.test('what is no key, or says nothing, is refused', async (t) => {
  const queue = await temporaryQueue(t)
  for (const wrong of ['', 'k'.repeat(4097), '\ud800', 7, null])
    await t.rejects(queue.enqueue('', [], { id: wrong as string }), TypeError, String(wrong))
  await t.rejects(queue.enqueue('', [], { onDuplicate: 'error' }), TypeError)
  await t.rejects(queue.enqueue('', [], { id, onDuplicate: 'no' as 'error' }), TypeError)
  t.strictSame(contentsOf(queue), nothing)
  await t.rejects(queue.enqueueMany([{ id: '' }]), { code: 'FSQ_PARTIAL' })
})

t.test('the body of a duplicate is not read', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('', [], { id })
  const body = new Readable({ read: () => t.fail('it was read') })
  await queue.enqueue(body, [], { id })
  t.equal(body.destroyed, true, 'but released')
})

t.test('replace', async (t) => {
  const replace = { id, onDuplicate: 'replace' } as const
  const queue = await temporaryQueue(t)
  const first = await queue.enqueue('one', ['a'], replace)
  const second = await queue.enqueue('two', ['b'], replace)
  t.not(second, first)
  t.strictSame(contentsOf(queue), { ...nothing, queue: [second] }, 'an item that waits goes')
  const tried = await finishFirst(queue, 'retry')
  t.not(tried, second)
  const third = await queue.enqueue('three', [], replace)
  t.strictSame(contentsOf(queue), { ...nothing, queue: [third] }, 'also one that was tried')
  using item = await queue.claim(third)
  const fourth = await queue.enqueue('four', [], replace)
  t.strictSame(contentsOf(queue), { ...nothing, queue: [third, fourth] }, 'not one in work')
  t.equal(await queue.enqueue('', [], { id }), fourth, 'which loses its key')
  await item.done()
  await finishFirst(queue, 'done')
  const fifth = await queue.enqueue('five', [], replace)
  t.strictSame(contentsOf(queue), { ...nothing, done: [third, fourth], queue: [fifth] })
  t.equal(onlyKey(queue).name, fifth)
})

t.test('a batch that has a key several times', async (t) => {
  const queue = await temporaryQueue(t, { syncfs: 'never' })
  const ids = await queue.enqueueMany([{ id: 'a' }, {}, { id: 'a' }, { id: 'b' }, { id: 'a' }])
  t.strictSame([ids[2], ids[4]], [ids[0], ids[0]])
  t.equal(contentsOf(queue)['queue']?.length, 3)
  const replaced = await queue.enqueueMany(
    [
      { id: 'a', body: '1' },
      { id: 'a', body: '2' },
    ],
    { onDuplicate: 'replace' },
  )
  t.strictSame(contentsOf(queue)['queue'], [ids[1], ids[3], replaced[1]].sort())
  const refused = queue.enqueueMany([{}, { id: 'a' }, {}], { onDuplicate: 'error' })
  await t.rejects(refused, {
    code: 'FSQ_PARTIAL',
    outcomes: [{ id: String }, { error: { code: 'FSQ_ID_TAKEN' } }, { id: String }],
  })
})

t.test('a failed enqueue leaves its key free', async (t) => {
  const queue = await temporaryQueue(t)
  const controller = new AbortController()
  const failing = Readable.from(
    (async function* () {
      yield 'half'
      throw new Error('the source broke')
    })(),
  )
  await t.rejects(queue.enqueue(failing, [], { id }), { code: 'FSQ_BODY' })
  controller.abort(new Error('enough'))
  await t.rejects(queue.enqueue('', [], { id, signal: controller.signal }), /enough/)
  const { paths } = queue.context
  await queue.enqueue('', ['to make .ids'], { id: 'other' })
  chmodSync(paths.queue, 0o550)
  if (process.getuid?.() !== 0)
    await t.rejects(queue.enqueue('', [], { id }), { code: 'FSQ_ENQUEUE' })
  chmodSync(paths.queue, 0o2770)
  t.equal(keysIn(queue).length, 1)
  await queue.enqueue('', [], { id })
  t.equal(contentsOf(queue)['queue']?.length, 2)
  t.strictSame(contentsOf(queue)['tmp'], [])
})

/** What a process that is killed leaves of an enqueue with a key; the sweep of test/crash has them all. */
const leftovers: Record<string, (queue: Queue, directory: string, name: string) => void> = {
  'an empty directory': ({ context: { paths } }, directory, name) => {
    rmSync(`${directory}/${name}`)
    rmSync(`${paths.queue}/${name}`)
  },
  'an empty directory that is not yet open to others': (queue, directory, name) => {
    leftovers['an empty directory']?.(queue, directory, name)
    chmodSync(directory, 0)
  },
  'a link to a file in tmp/': ({ context: { paths } }, directory, name) => {
    linkSync(`${directory}/${name}`, `${paths.tmp}/${name}`)
    rmSync(`${paths.queue}/${name}`)
  },
  'a link to nothing else': ({ context: { paths } }, _, name) => {
    rmSync(`${paths.queue}/${name}`)
  },
}

for (const [what, make] of Object.entries(leftovers)) {
  t.test(`left by a process that was killed: ${what}`, async (t) => {
    const queue = await temporaryQueue(t)
    const first = await queue.enqueue('one', [], { id })
    make(queue, onlyKey(queue).directory, first)
    const second = await queue.enqueue('two', [], { id })
    t.not(second, first)
    t.strictSame(contentsOf(queue)['queue'], [second])
    t.equal(onlyKey(queue).name, second)
    t.equal(modeOf(onlyKey(queue).directory), '2770')
  })
}

t.test('an item that its enqueuer has linked, and not acknowledged, has the key', async (t) => {
  const queue = await temporaryQueue(t)
  const first = await queue.enqueue('one', [], { id })
  const { paths } = queue.context
  linkSync(`${paths.queue}/${first}`, `${paths.tmp}/${first}`)
  t.equal(await queue.enqueue('two', [], { id }), first)
})

/** An item that its enqueuer was killed over once it was linked with its number; its name. */
async function numberedOnly(queue: Queue): Promise<string> {
  const name = await queue.enqueue('one', [], { id, ordered: true })
  const { paths } = queue.context
  const { directory } = onlyKey(queue)
  const draft = name.replace(/_[0-9]{14}_0*1_/, '_20260101000000_1_')
  renameSync(`${directory}/${name}`, `${directory}/${draft}`)
  linkSync(`${paths.queue}/${name}`, `${paths.tmp}/${draft}`)
  return name
}

/** What became of an item since its enqueuer was killed; its name. */
const since: Readonly<Record<string, (queue: Queue, name: string) => Promise<string>>> = {
  'it waits': (_queue, name) => Promise.resolve(name),
  'it is tried again': (queue) => finishFirst(queue, 'retry'),
  'it is done': (queue) => finishFirst(queue, 'done'),
  'it has failed': (queue) => finishFirst(queue, 'failPerm'),
}

for (const [what, act] of Object.entries(since))
  t.test(`an item has a name of its own, and its enqueuer was killed: ${what}`, async (t) => {
    const queue = await temporaryQueue(t)
    const first = await numberedOnly(queue)
    const { paths } = queue.context
    const name = await act(queue, first)
    t.equal(await queue.enqueue('two', [], { id, ordered: true }), name)
    t.equal(onlyKey(queue).name, name)
    t.strictSame(contentsOf(queue)['tmp'], [])
    t.equal(await queue.enqueue('two', [], { id, ordered: true }), name)
    for (const each of [paths.queue, paths.done, paths.fail])
      rmSync(`${each}/${name}`, { force: true })
    t.not(await queue.enqueue('two', [], { id, ordered: true }), name, 'the key is free')
  })

t.test('an item that has a name of its own is replaced, too', async (t) => {
  const queue = await temporaryQueue(t)
  await numberedOnly(queue)
  const second = await queue.enqueue('two', [], { id, onDuplicate: 'replace' })
  t.strictSame(contentsOf(queue)['queue'], [second])
})

/** Holds the only key, as another process does that is enqueueing. */
function hold(queue: Queue): () => void {
  const fd = openDirectory(onlyKey(queue).directory)
  if (!getNative().flock(fd)) throw new Error('it is locked')
  return () => {
    close(fd)
  }
}

t.test('whoever comes while another enqueues under the key waits', async (t) => {
  const queue = await temporaryQueue(t)
  const first = await queue.enqueue('one', [], { id })
  const release = hold(queue)
  let answer: string | undefined
  const enqueued = queue.enqueue('two', [], { id }).then((id) => (answer = id))
  await setTimeout(50)
  t.equal(answer, undefined)
  release()
  t.equal(await enqueued, first)
  const again = hold(queue)
  const aborted = queue.enqueue('', [], { id, signal: AbortSignal.timeout(20) })
  await t.rejects(aborted, { name: 'TimeoutError' })
  again()
})

t.test('but not for ever', { timeout: 60_000 }, async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('one', [], { id })
  const release = hold(queue)
  t.teardown(release)
  const error: unknown = await queue.enqueue('two', [], { id }).catch((error: unknown) => error)
  t.match(error, { code: 'FSQ_ID_BUSY', exitStatus: 111 })
  t.ok(error instanceof FsqError)
})

t.test('whoever has a key taken away before it is used finds that of the other', async (t) => {
  for (const options of [{}, { onDuplicate: 'replace' }] as const) {
    const queue = await temporaryQueue(t)
    const { paths } = queue.context
    const other = itemName()
    const linkAs = t.capture(Draft.prototype, 'linkAs', function (this: Draft, path: Path) {
      linkAs.restore()
      // As who may not look into an empty directory of somebody else does, and enqueues.
      const [key = ''] = keysIn(queue)
      rmdirSync(`${paths.ids}/${key}`)
      mkdirSync(`${paths.ids}/${key}`)
      putEntry(paths.queue, other)
      linkSync(`${paths.queue}/${other}`, `${paths.ids}/${key}/${other}`)
      this.linkAs(path)
    })
    const name = await queue.enqueue('', [], { id, ...options })
    if (!('onDuplicate' in options)) t.equal(name, other)
    t.strictSame(contentsOf(queue), { ...nothing, queue: [name] })
    t.equal(onlyKey(queue).name, name)
  }
})

t.test('many in flight under few keys', async (t) => {
  const queue = await temporaryQueue(t)
  const keys = Array.from({ length: 60 }, (_, at) => `key ${at % 10}`)
  const names = await Promise.all(keys.map((id) => queue.enqueue('', [], { id })))
  t.equal(new Set(names).size, 10)
  t.equal(contentsOf(queue)['queue']?.length, 10)
})

t.test('the directories are as open as queue/ is', async (t: Test) => {
  const queue = await underUmask(0o077, async () => {
    const queue = await temporaryQueue(t, {}, { mode: 0o2775 })
    await queue.enqueue('', [], { id })
    return queue
  })
  t.equal(modeOf(queue.context.paths.ids), '2775')
  t.equal(modeOf(onlyKey(queue).directory), '2775')
  const { uid, gid } = statSync(queue.context.paths.queue)
  t.match(statSync(onlyKey(queue).directory), { uid, gid })
})

t.test('a queue with keys is uninstalled', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('', [], { id })
  await t.rejects(queue.uninstall(), { code: 'FSQ_QUEUE_NOT_EMPTY' })
  await finishFirst(queue, 'done')
  await queue.uninstall()
  await queue.install()
  await queue.enqueue('', [], { id })
  t.equal(contentsOf(queue)['queue']?.length, 1)
})

t.test('the directory of all keys is made to last, also one that was made anew', async (t) => {
  const queue = await temporaryQueue(t)
  const { ids, directory } = queue.context.paths
  const synced: unknown[] = []
  const { tryKey } = await t.mockImport<typeof Keys>('../../lib/queue/key.js', {
    '../../lib/posix/directory-sync.js': { syncDirectory: (path: unknown) => synced.push(path) },
  })
  const sync = async (): Promise<unknown[]> => {
    const held = tryKey(queue.context, id)
    await held?.sync()
    held?.clear()
    held?.close()
    return synced.splice(0)
  }
  t.strictSame(await sync(), [ids, `${directory}/.`])
  t.strictSame(await sync(), [ids])
  const { ino } = statSync(ids)
  rmSync(ids, { recursive: true })
  t.strictSame(await sync(), [ids, `${directory}/.`])
  if (statSync(ids).ino !== ino) t.comment('the file system gave it another number')
})

t.test('a link in place of stale keys leads nobody elsewhere', { skip: cannotPin }, async (t) => {
  interface Case {
    readonly act: (keys: typeof Keys, context: QueueContext, directory: string) => unknown
    /** Whether the directory of all keys is replaced, before; or that of the key, when it is listed. */
    readonly all?: boolean
  }
  const remove: Case['act'] = (keys, context, directory) => keys.removeIfStale(context, directory)
  const cases: Readonly<Record<string, Case>> = {
    'the key that is removed': { act: remove },
    'the key that somebody enqueues under': { act: (keys, context) => keys.tryKey(context, id) },
    'all keys': { act: remove, all: true },
  }
  for (const [name, { act, all = false }] of Object.entries(cases))
    await t.test(name, async (t) => {
      const queue = await temporaryQueue(t)
      const { context } = queue
      const item = await queue.enqueue('', [], { id })
      unlinkSync(`${context.paths.queue}/${item}`)
      const { directory } = onlyKey(queue)
      const elsewhere = `${context.settings.root}/elsewhere`
      const target = all ? `${elsewhere}/${basename(directory)}` : elsewhere
      mkdirSync(target, { recursive: true })
      putEntry(target, 'precious')
      const before = snapshot(elsewhere)
      let isReplaced = false
      const replace = (path: string): void => {
        if (!isReplaced) replaceByLink(path, elsewhere)
        isReplaced = true
      }
      const keys = await t.mockImport<typeof Keys>('../../lib/queue/key.js', {
        '../../lib/posix/names.js': {
          ...names,
          listNames: (path: string) => {
            replace(directory)
            return names.listNames(path)
          },
        },
      })
      if (all) replace(context.paths.ids)
      if (all) t.equal(act(keys, context, directory), false)
      else t.throws(() => act(keys, context, directory), { code: 'ENOTDIR' })
      t.strictSame(snapshot(elsewhere), before)
    })
})

t.test('something else in place of the keys is an error that says so', async (t) => {
  const queue = await temporaryQueue(t)
  mkdirSync(`${queue.path}/elsewhere`)
  const { symlinkSync } = await import('node:fs')
  symlinkSync('nowhere', queue.context.paths.ids)
  await t.rejects(queue.enqueue('', [], { id }), { code: 'FSQ_ENQUEUE' })
  t.strictSame(contentsOf(queue), nothing)
})
