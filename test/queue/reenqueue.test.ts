import { lstatSync, mkdirSync, readFileSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import * as names from '../../lib/posix/names.js'
import type { Item } from '../../lib/queue/item.js'
import type { Queue } from '../../lib/root/queue.js'
import type * as Reenqueue from '../../lib/queue/reenqueue.js'
import { bytesOf } from '../helpers/bytes.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { modeOf } from '../helpers/mode.js'
import { contentsOf, nothing, temporaryRoot, underUmask } from '../helpers/temporary.js'

const id = itemName({ args: ['a'] })
const bytes = bytesOf(700_001)

/** An item of one queue, and another queue. */
const prepared = async (
  t: Test,
): Promise<{ item: Item; source: Queue; target: Queue; from: string; to: string }> => {
  const root = temporaryRoot(t)
  const source = await root.install('source')
  const target = await root.install('target')
  const from = `${source.context.paths.queue}/${id}`
  writeFileSync(putEntry(source.context.paths.queue, id), bytes)
  const item = await source.claim(id)
  t.teardown(() => {
    item.close()
  })
  return { item, source, target, from, to: `${target.context.paths.queue}/${id}` }
}

for (const link of [false, true]) {
  t.test(link ? 'linked, an item' : 'copied, an item', async (t) => {
    t.test('is under its name in both queues', async (t) => {
      const { item, source, target, from, to } = await prepared(t)
      t.equal(await target.reenqueue(item, { link }), true)
      t.strictSame(contentsOf(source), { ...nothing, queue: [id] })
      t.strictSame(contentsOf(target), { ...nothing, queue: [id] })
      t.ok(readFileSync(to).equals(bytes))
      t.equal(lstatSync(from).ino === lstatSync(to).ino, link, 'one file, if it is linked')
    })

    t.test('may be there already', async (t) => {
      const { item, target, to } = await prepared(t)
      putEntry(target.context.paths.queue, id, 'precious')
      t.equal(await target.reenqueue(item, { link }), false)
      t.equal(await target.reenqueue(item, { link }), false)
      t.equal(readFileSync(to, 'utf8'), 'precious')
      t.strictSame(contentsOf(target), { ...nothing, queue: [id] })
    })

    t.test('is still ours to finish', async (t) => {
      const { item, source, target } = await prepared(t)
      await target.reenqueue(item, { link })
      t.match(await item.done(), { state: 'done', id })
      t.strictSame(contentsOf(source), { ...nothing, done: [id] })
      t.strictSame(contentsOf(target), { ...nothing, queue: [id] })
    })

    t.test('does not come to a queue that is missing', async (t) => {
      const { item, target } = await prepared(t)
      await target.uninstall()
      await t.rejects(target.reenqueue(item, { link }), { code: 'FSQ_NO_QUEUE', queue: 'target' })
    })

    t.test('does not come to a queue without queue/, and nothing is left', async (t) => {
      const { item, target } = await prepared(t)
      rmdirSync(target.context.paths.queue)
      await t.rejects(target.reenqueue(item, { link }), {
        code: 'FSQ_NO_QUEUE',
        message: /^not a whole queue: target /,
      })
      names.makeDirectory(target.context.paths.queue, 0o700)
      t.strictSame(contentsOf(target), nothing)
    })

    t.test('does not come to another queue once the signal is aborted', async (t) => {
      const { item, target } = await prepared(t)
      const signal = AbortSignal.abort(new Error('enough'))
      await t.rejects(target.reenqueue(item, { link, signal }), { message: 'enough' })
      t.strictSame(contentsOf(target), nothing)
    })

    t.test('of which many copies are made at once is there once', async (t) => {
      const { item, target, to } = await prepared(t)
      const results = await Promise.all(
        Array.from({ length: 8 }, () => target.reenqueue(item, { link })),
      )
      t.equal(results.filter((added) => added).length, 1)
      t.strictSame(contentsOf(target), { ...nothing, queue: [id] })
      t.ok(readFileSync(to).equals(bytes))
    })
  })
}

t.test('a copy has the mode of its queue, or that asked for, whatever the umask', async (t) => {
  for (const mask of [0o077, 0o000]) {
    const { item, target, to } = await prepared(t)
    await underUmask(mask, () => target.reenqueue(item))
    t.equal(modeOf(to), '640')
    unlinkSync(to)
    await underUmask(mask, () => target.reenqueue(item, { mode: 0o666 }))
    t.equal(modeOf(to), '666')
  }
})

t.test('a copy is not made for an unknown user', async (t) => {
  const { item, target } = await prepared(t)
  await t.rejects(target.reenqueue(item, { user: 'nobody-has-this-name' }), { code: 'FSQ_NO_USER' })
  t.strictSame(contentsOf(target), nothing)
})

t.test('an abort in the middle of a copy leaves nothing', async (t) => {
  const { item, target } = await prepared(t)
  const controller = new AbortController()
  const copied = target.reenqueue(item, { signal: controller.signal })
  t.equal(contentsOf(target)['tmp']?.length, 1, 'it was under construction')
  controller.abort(new Error('enough'))
  await t.rejects(copied, { message: 'enough' })
  t.strictSame(contentsOf(target), nothing)
})

t.test('an item that is gone cannot be linked', async (t) => {
  const { item, target, from } = await prepared(t)
  unlinkSync(from)
  const gone = {
    code: 'FSQ_NO_ITEM',
    message: `item ${id} is no longer in the queue source`,
    queue: 'source',
    id,
  }
  await t.rejects(target.reenqueue(item, { link: true }), gone)
  writeFileSync(from, 'another file')
  await t.rejects(target.reenqueue(item, { link: true }), gone)
  t.strictSame(contentsOf(target), nothing)
})

t.test('an item that is closed cannot be copied', async (t) => {
  const { item, target } = await prepared(t)
  item.close()
  await t.rejects(target.reenqueue(item), { code: 'FSQ_NO_ITEM' })
  t.strictSame(contentsOf(target), nothing)
})

t.test('a copy that is in stays in, whatever happens to its name in tmp/', async (t) => {
  const { reenqueueItem } = await t.mockImport<typeof Reenqueue>('../../lib/queue/reenqueue.js', {
    '../../lib/posix/names.js': {
      ...names,
      link(from: string, to: string) {
        names.link(from, to)
        names.unlink(from)
      },
    },
  })
  const { item, target } = await prepared(t)
  t.equal(await reenqueueItem(target.context, item), true)
  t.strictSame(contentsOf(target), { ...nothing, queue: [id] })
})

t.test('what has the name and is no item is not taken for it', async (t) => {
  const { item, target, to } = await prepared(t)
  mkdirSync(to)
  const taken = { code: 'FSQ_ENQUEUE', errno: 'EEXIST' }
  for (const link of [false, true]) await t.rejects(target.reenqueue(item, { link }), taken)
  await t.rejects(target.receive(id, 'body'), taken)
  t.strictSame(contentsOf(target), { ...nothing, queue: [id] }, 'and nothing is left in tmp/')
})
