import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { removeSync } from 'fs-extra/esm'
import t, { type Test } from 'tap'
import { getNative } from '../../lib/posix/native.js'
import { systemError } from '../../lib/posix/system-error.js'
import type { Queue } from '../../lib/root/queue.js'
import type { Root } from '../../lib/root/root.js'
import { moveItems, type MoveItemsOptions } from '../../lib/upkeep/move-items.js'
import { all } from '../helpers/collect.js'
import { putEntry } from '../helpers/entries.js'
import { lockedDescriptor } from '../helpers/lock.js'
import { contentsOf, nothing, temporaryRoot } from '../helpers/temporary.js'

async function twoQueues(t: Test): Promise<{ root: Root; a: Queue; b: Queue }> {
  const root = temporaryRoot(t)
  return { root, a: await root.install('a'), b: await root.install('b') }
}

/** What became of each, in short. */
async function move(a: Queue, b: Queue, options: MoveItemsOptions = {}): Promise<unknown[]> {
  const results = await all(moveItems(a, b, options))
  return results.map(({ id, outcome, newId, error }) => [outcome, id, newId ?? error?.code])
}

t.test('items go to the other queue as they are', async (t) => {
  const { a, b } = await twoQueues(t)
  const [one, two] = [await a.enqueue('1', ['one']), await a.enqueue('2', ['two', 'ü%/'])]
  const later = new Date(Date.now() + 3_600_000)
  utimesSync(`${a.context.paths.queue}/${one}`, later, later)
  const before = statSync(`${a.context.paths.queue}/${one}`)
  t.strictSame(await all(moveItems(a, b, { match: 'one' })), [
    { queue: 'a', to: 'b', id: one, newId: one, outcome: 'moved' },
  ])
  t.strictSame(contentsOf(a), { ...nothing, queue: [two] })
  t.strictSame(contentsOf(b), { ...nothing, queue: [one] })
  const { ino, mtimeMs, mode, uid } = statSync(`${b.context.paths.queue}/${one}`)
  t.strictSame({ ino, mtimeMs, mode, uid }, { ...pick(before), mtimeMs: before.mtimeMs })
  t.strictSame(await move(a, b), [['moved', two, two]])
  t.strictSame(await move(a, b), [])
})

function pick({ ino, mode, uid }: ReturnType<typeof statSync> & object): object {
  return { ino, mode, uid }
}

t.test('an item whose turn is to come in order stays, and one without is moved', async (t) => {
  const { a, b } = await twoQueues(t)
  const ids = await a.enqueueMany(Array.from({ length: 3 }, () => ({ ordered: true })))
  const [one = '', two = '', three = ''] = ids
  const plain = await a.enqueue('', ['plain'])
  const left = (id: string): unknown[] => ['left', id, 'FSQ_SEQUENCE']
  t.strictSame(await move(a, b, { ids }), ids.map(left), 'nobody has worked yet')
  for await (const item of a.scan({ ordered: true })) {
    await item.done()
    break
  }
  putEntry(a.context.paths.queue, one) // As after a loss of power: its number is past.
  for (const dryRun of [true, false])
    t.strictSame(await move(a, b, { ids: [two, three], dryRun }), [left(two), left(three)])
  const [result] = await all(moveItems(a, b, { ids: [two] }))
  t.match(result?.error, { queue: 'a', id: two, message: /in order: .* wait for its number 2; / })
  t.strictSame(await move(a, b, { ids: ['nosuch', plain, one] }), [
    ['left', 'nosuch', 'FSQ_NO_ITEM'],
    ['moved', plain, plain],
    ['moved', one, one],
  ])
  t.strictSame(contentsOf(a)['queue'], [two, three])
})

t.test('nothing is moved to a queue that is used in order', async (t) => {
  for (const use of ['seq', 'nextseq']) {
    const { a, b } = await twoQueues(t)
    if (use === 'seq') await b.enqueue('', ['1'], { ordered: true })
    else for await (const item of b.scan({ ordered: true })) item.close()
    await a.enqueue('')
    const before = [contentsOf(a), contentsOf(b)]
    for (const dryRun of [true, false])
      await t.rejects(move(a, b, { dryRun }), { code: 'FSQ_SEQUENCE', queue: 'b' })
    t.strictSame([contentsOf(a), contentsOf(b)], before)
  }
})

t.test('a name that is taken is not replaced', async (t) => {
  const { a, b } = await twoQueues(t)
  const id = '_20120710213904_0_1_h_2_a'
  putEntry(a.context.paths.queue, id, 'from a')
  putEntry(b.context.paths.queue, id, 'from b')
  const free = '_20120710213904_1_1_h_2_a'
  t.strictSame(await move(a, b), [['moved', id, free]])
  const item = await b.claim(free)
  t.equal(await item.text(), 'from a')
  item.close()
})

t.test('what somebody works on is left, as is what is no item', async (t) => {
  const { a, b } = await twoQueues(t)
  const [one, two] = [await a.enqueue('', ['1']), await a.enqueue('', ['2'])]
  lockedDescriptor(t, `${a.context.paths.queue}/${one}`)
  putEntry(a.context.paths.queue, '_malformed')
  mkdirSync(`${a.context.paths.queue}/directory`)
  t.strictSame(await move(a, b, { ids: [one, 'nosuch', '../x', '_malformed', 'directory', two] }), [
    ['left', one, 'FSQ_ITEM_LOCKED'],
    ['left', 'nosuch', 'FSQ_NO_ITEM'],
    ['left', '../x', 'FSQ_PATH'],
    ['left', '_malformed', 'FSQ_MALFORMED'],
    ['left', 'directory', 'FSQ_MALFORMED'],
    ['moved', two, two],
  ])
  t.strictSame(contentsOf(a)['queue'], [one, '_malformed', 'directory'].sort())
})

t.test('a dry run changes nothing', async (t) => {
  const { a, b } = await twoQueues(t)
  const id = await a.enqueue('')
  t.strictSame(await move(a, b, { ids: [id, 'x'], dryRun: true }), [
    ['would', id, undefined],
    ['left', 'x', 'FSQ_NO_ITEM'],
  ])
  t.strictSame(contentsOf(a)['queue'], [id])
})

t.test('a queue and itself, by whichever name, lose nothing', async (t) => {
  const { root, a } = await twoQueues(t)
  const id = await a.enqueue('')
  await t.rejects(all(moveItems(a, root.queue('a'))), { name: 'TypeError' })
  symlinkSync(a.path, `${root.settings.root}/alias`)
  t.strictSame(await move(a, root.queue('alias')), [['left', id, 'FSQ_FINISH']])
  t.strictSame(contentsOf(a)['queue'], [id])
})

t.test('an item that is in both already, as one file, leaves the first', async (t) => {
  const { a, b } = await twoQueues(t)
  const id = await a.enqueue('')
  linkSync(`${a.context.paths.queue}/${id}`, `${b.context.paths.queue}/${id}`)
  t.strictSame(await move(a, b), [['moved', id, id]])
  t.strictSame(contentsOf(a)['queue'], [])
  t.strictSame(contentsOf(b)['queue'], [id])
})

t.test('without renameat2(2) an item is linked, and then unlinked', async (t) => {
  const { a, b } = await twoQueues(t)
  const id = await a.enqueue('')
  t.intercept(getNative(), 'renameNoReplace', { value: () => false })
  t.strictSame(await move(a, b), [['moved', id, id]])
  t.strictSame([contentsOf(a)['queue'], contentsOf(b)['queue']], [[], [id]])
})

const remedy = /different file systems.*reenqueue\(\)/

t.test('to another file system there is another way', async (t) => {
  const { a, b } = await twoQueues(t)
  const id = await a.enqueue('')
  t.intercept(getNative(), 'renameNoReplace', {
    value: () => {
      throw systemError('EXDEV', b.path)
    },
  })
  const [result] = await all(moveItems(a, b))
  t.match(result, { outcome: 'left', id, error: { code: 'FSQ_FINISH', errno: 'EXDEV' } })
  t.match(result?.error?.message, remedy)
})

const memory = '/dev/shm'
const skip =
  existsSync(memory) && statSync(memory).dev !== statSync(tmpdir()).dev
    ? false
    : 'needs /dev/shm on another file system than the temporary directory'

t.test('also to a real one', { skip }, async (t) => {
  const { root, a, b } = await twoQueues(t)
  const id = await a.enqueue('')
  const elsewhere = mkdtempSync(`${memory}/fsq-`)
  t.teardown(() => {
    removeSync(elsewhere)
  })
  for (const name of ['tmp', 'queue', 'done', 'fail']) mkdirSync(`${elsewhere}/${name}`)
  removeSync(b.path)
  symlinkSync(elsewhere, b.path)
  const [result] = await all(moveItems(a, root.queue('b')))
  t.match(result, { outcome: 'left', id, error: { code: 'FSQ_FINISH', message: remedy } })
  t.strictSame(contentsOf(a)['queue'], [id])
})

t.test('a target that is moved away meanwhile gets nothing', async (t) => {
  const { root, a, b } = await twoQueues(t)
  const id = await a.enqueue('')
  const native = getNative()
  const rename = native.renameNoReplace.bind(native)
  let calls = 0
  t.intercept(native, 'renameNoReplace', {
    value: (...args: Parameters<typeof rename>) => {
      const moved = rename(...args)
      if (calls++ === 0) renameSync(b.path, `${root.settings.root}/elsewhere`)
      return moved
    },
  })
  t.strictSame(await move(a, b), [['left', id, 'FSQ_NO_QUEUE']])
  t.strictSame(contentsOf(a)['queue'], [id], 'it is back')
})

t.test('those that move to and fro at once lose nothing', async (t) => {
  const { a, b } = await twoQueues(t)
  const ids = Array.from({ length: 200 }, (_, at) => `_20120710213904_${at}_1_h_0`)
  for (const id of ids) putEntry(a.context.paths.queue, id)
  await Promise.all([all(moveItems(a, b)), all(moveItems(b, a)), all(moveItems(a, b))])
  const left = [...(contentsOf(a)['queue'] ?? []), ...(contentsOf(b)['queue'] ?? [])]
  t.strictSame(left.sort(), ids.sort())
})

t.test('without a queue there is nothing to move', async (t) => {
  const { root, a } = await twoQueues(t)
  const nosuch = root.queue('nosuch')
  await t.rejects(all(moveItems(a, nosuch)), { code: 'FSQ_NO_QUEUE' })
  await t.rejects(all(moveItems(nosuch, a)), { code: 'FSQ_NO_QUEUE' })
})
