import { closeSync, mkdirSync, openSync, readSync, renameSync, symlinkSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { FsqErrorCode } from '../../lib/errors.js'
import { getNative } from '../../lib/posix/native.js'
import type * as Claim from '../../lib/queue/claim.js'
import { claimEntry } from '../../lib/queue/claim.js'
import type { Queue } from '../../lib/root/queue.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { isFree, lockedDescriptor } from '../helpers/lock.js'
import { contentsOf, nothing, temporaryQueue, temporaryRoot } from '../helpers/temporary.js'

const id = itemName({ args: ['a'] })

const queueWithItem = async (t: Test): Promise<{ queue: Queue; path: string }> => {
  const queue = await temporaryQueue(t)
  putEntry(queue.context.paths.queue, id, 'a body')
  return { queue, path: `${queue.context.paths.queue}/${id}` }
}

const options = { lock: true, open: true, limits: { maxTries: 1, ttl: 0 } }

t.test('an item between two programs', async (t) => {
  /** claim.ts for which something happens after the file was opened, before it is locked. */
  const claimWith = async (t: Test, beforeLock: () => void): Promise<typeof Claim> =>
    t.mockImport<typeof Claim>('../../lib/queue/claim.js', {
      '../../lib/posix/native.js': {
        getNative: () => ({
          flock(fd: number) {
            beforeLock()
            return getNative().flock(fd)
          },
        }),
      },
    })

  t.test('that the other finishes before we lock it is gone', async (t) => {
    const { queue, path } = await queueWithItem(t)
    const done = `${queue.context.paths.done}/${id}`
    const claim = await claimWith(t, () => {
      renameSync(path, done)
    })
    t.strictSame(claim.claimEntry(queue.context, id, options), { skipped: 'gone' })
    t.ok(isFree(done), 'and we hold it no longer')
  })

  t.test('that the other puts back under its name is gone', async (t) => {
    const { queue, path } = await queueWithItem(t)
    const done = `${queue.context.paths.done}/${id}`
    const claim = await claimWith(t, () => {
      renameSync(path, done)
      putEntry(queue.context.paths.queue, id, 'another body')
    })
    t.strictSame(claim.claimEntry(queue.context, id, options), { skipped: 'gone' })
    t.ok(isFree(done))
  })

  t.test('that nobody else wants is ours', async (t) => {
    const { queue, path } = await queueWithItem(t)
    const claim = await claimWith(t, () => undefined)
    const claimed = claim.claimEntry(queue.context, id, options)
    if (!('item' in claimed)) return t.fail('it was claimed')
    t.notOk(isFree(path))
    claimed.item.close()
    return t.ok(isFree(path))
  })
})

t.test('an entry that is missing is gone, whether it is to be opened or not', async (t) => {
  const queue = await temporaryQueue(t)
  for (const open of [true, false]) {
    for (const lock of [true, false]) {
      const claim = claimEntry(queue.context, id, { ...options, open, lock })
      t.strictSame(claim, { skipped: 'gone' })
    }
  }
})

t.test('an entry that is locked is somebody else’s', async (t) => {
  const { queue, path } = await queueWithItem(t)
  lockedDescriptor(t, path)
  t.strictSame(claimEntry(queue.context, id, options), { skipped: 'locked' })
  const unlocked = claimEntry(queue.context, id, { ...options, lock: false })
  t.ok('item' in unlocked, 'unless no lock is asked for')
  if ('item' in unlocked) unlocked.item.close()
})

t.test('an item is claimed by its name', async (t) => {
  const { queue, path } = await queueWithItem(t)
  const item = await queue.claim(id)
  t.match(item, { id, arguments: ['a'], queue: 'q' })
  t.equal(await item.text(), 'a body')
  t.notOk(isFree(path))
  t.match(await item.done(), { state: 'done', id })
})

t.test('an item is claimed although the queue is down, or its tries are used up', async (t) => {
  const queue = await temporaryQueue(t, { maxTries: 1 }, { down: true })
  const spent = itemName({ tries: 7 })
  putEntry(queue.context.paths.queue, spent)
  const item = await queue.claim(spent)
  t.match(await item.success(), { state: 'done' })
})

t.test('an item that is missing is said to be', async (t) => {
  const queue = await temporaryQueue(t)
  await t.rejects(queue.claim(id), {
    code: 'FSQ_NO_ITEM',
    message: `no such item in the queue q: ${id}`,
    queue: 'q',
    id,
  })
})

t.test('a queue that is missing is said to be', async (t) => {
  await t.rejects(temporaryRoot(t).queue('q').claim(id), { code: 'FSQ_NO_QUEUE', queue: 'q' })
})

t.test('an item that is locked is said to be', async (t) => {
  const { queue, path } = await queueWithItem(t)
  lockedDescriptor(t, path)
  await t.rejects(queue.claim(id), {
    code: 'FSQ_ITEM_LOCKED',
    message: `somebody is working on item ${id}; it is locked`,
    queue: 'q',
    id,
  })
})

const outside = ['', '.', '..', '../x', '../done/x', 'a/b', '/etc/passwd', 'a\0b']

for (const name of outside) {
  t.test(`the name ${JSON.stringify(name)} leads nowhere`, async (t) => {
    const { queue } = await queueWithItem(t)
    putEntry(queue.path, 'x')
    await t.rejects(queue.claim(name), {
      code: 'FSQ_PATH',
      message: `illegal item name: ${JSON.stringify(name)}`,
    })
  })
}

const malformed: [what: string, name: string, code: FsqErrorCode][] = [
  ['a name with too few fields', '_20120710213904_0_1_h', 'FSQ_MALFORMED'],
  ['a name with a bad escape', `${id}_%zz`, 'FSQ_ENCODE'],
  ['a name with a bad timestamp', itemName({ timestamp: '1' }), 'FSQ_TIMEFMT'],
  ['a name with tries that are no number', itemName({ tries: 'x' }), 'FSQ_MALFORMED'],
]

for (const [what, name, code] of malformed) {
  t.test(`${what} is no item, and stays`, async (t) => {
    const queue = await temporaryQueue(t)
    const path = putEntry(queue.context.paths.queue, name)
    await t.rejects(queue.claim(name), {
      code,
      message: /^not a work-item in queue\/ of q: .*; whoever scans the queue moves it to fail\/$/,
      id: name,
    })
    t.strictSame(contentsOf(queue), { ...nothing, queue: [name] })
    t.ok(isFree(path), 'and we hold it no longer')
  })
}

t.test('a directory and a link are no items', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  mkdirSync(`${paths.queue}/${itemName({ entropy: 1 })}`)
  symlinkSync(putEntry(paths.done, id), `${paths.queue}/${itemName({ entropy: 2 })}`)
  for (const entropy of [1, 2]) {
    await t.rejects(queue.claim(itemName({ entropy })), {
      code: 'FSQ_MALFORMED',
      message:
        `not a work-item in queue/ of q: ${itemName({ entropy })}: ` +
        'the entry is not a regular file; whoever scans the queue moves it to fail/',
    })
  }
})

t.test('a name that is longer than any file’s is an error', async (t) => {
  const queue = await temporaryQueue(t)
  await t.rejects(queue.claim('_'.repeat(256)), { code: 'FSQ_SCAN', errno: 'ENAMETOOLONG' })
})

t.test('a name that the charset cannot write is an error', async (t) => {
  const queue = await temporaryQueue(t, { charset: 'latin-1' })
  await t.rejects(queue.claim('_€'), { code: 'FSQ_COERCE' })
})

t.test('a descriptor that was inherited', async (t) => {
  t.test('and holds the lock is the item', async (t) => {
    const { queue, path } = await queueWithItem(t)
    const fd = lockedDescriptor(t, path)
    const item = await queue.claim(id, { inherited: [fd] })
    t.equal(item.fd, fd)
    t.equal(await item.text(), 'a body')
    await item.done()
    t.equal(readSync(fd, Buffer.alloc(1)), 1, 'and stays open, for it is not ours to close')
  })

  t.test('and is the same file, but not what is locked, is not', async (t) => {
    const { queue, path } = await queueWithItem(t)
    lockedDescriptor(t, path)
    const plain = openSync(path, 'r')
    t.teardown(() => {
      closeSync(plain)
    })
    await t.rejects(queue.claim(id, { inherited: [plain] }), { code: 'FSQ_ITEM_LOCKED' })
  })

  t.test('and holds another lock is not', async (t) => {
    const { queue, path } = await queueWithItem(t)
    lockedDescriptor(t, path)
    const other = lockedDescriptor(t, putEntry(queue.context.paths.queue, itemName()))
    await t.rejects(queue.claim(id, { inherited: [other] }), { code: 'FSQ_ITEM_LOCKED' })
  })

  t.test('and is closed is not', async (t) => {
    const { queue, path } = await queueWithItem(t)
    lockedDescriptor(t, path)
    await t.rejects(queue.claim(id, { inherited: [-1, 999_999] }), { code: 'FSQ_ITEM_LOCKED' })
  })

  t.test('is found among others', async (t) => {
    const { queue, path } = await queueWithItem(t)
    const fd = lockedDescriptor(t, path)
    const item = await queue.claim(id, { inherited: [0, 999_999, fd] })
    t.equal(item.fd, fd)
    item.close()
  })

  t.test('is not needed where nobody has the lock', async (t) => {
    const { queue, path } = await queueWithItem(t)
    const item = await queue.claim(id, { inherited: [0] })
    t.notOk(isFree(path))
    item.close()
  })
})
