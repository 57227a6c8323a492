import {
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  utimesSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { on } from 'node:events'
import t, { type Test } from 'tap'
import type { Limits, Outcome } from '../../lib/queue/finish.js'
import type { Item } from '../../lib/queue/item.js'
import type { Queue } from '../../lib/root/queue.js'
import type { SettingsOptions } from '../../lib/settings.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { isFree } from '../helpers/lock.js'
import { contentsOf, nothing, temporaryQueue } from '../helpers/temporary.js'

const claimed = async (
  t: Test,
  {
    id = itemName({ args: ['a'] }),
    settings = {},
    limits = {},
  }: { id?: string; settings?: SettingsOptions; limits?: Partial<Limits> } = {},
): Promise<{ queue: Queue; item: Item; path: string }> => {
  const queue = await temporaryQueue(t, settings)
  putEntry(queue.context.paths.queue, id, 'a body')
  const item = await queue.claim(id, limits)
  t.teardown(() => {
    item.close()
  })
  return { queue, item, path: `${queue.context.paths.queue}/${id}` }
}

type Finish = (item: Item) => Promise<Outcome>

const fates: [what: string, finish: Finish, state: Outcome['state'], settings?: SettingsOptions][] =
  [
    ['success', (item) => item.success(), 'done'],
    ['done', (item) => item.done(), 'done'],
    ['done 0', (item) => item.done(0), 'done'],
    ['done 100', (item) => item.done(100), 'fail'],
    ['done 111', (item) => item.done(111), 'queue'],
    ['done 1', (item) => item.done(1), 'fail'],
    ['failPerm', (item) => item.failPerm(), 'fail'],
    ['fail', (item) => item.fail(), 'fail'],
    ['fail 100', (item) => item.fail(100), 'fail'],
    ['fail 111', (item) => item.fail(111), 'queue'],
    ['failTmp', (item) => item.failTmp(), 'queue'],
    ['retry', (item) => item.retry(), 'queue'],
    ['done FSQ_SUCCESS', (item) => item.done(7), 'done', { success: 7 }],
    ['done without a code', (item) => item.done(), 'done', { success: 7 }],
    ['done 0, which is not FSQ_SUCCESS', (item) => item.done(0), 'fail', { success: 7 }],
    ['done FSQ_FAIL_TMP', (item) => item.done(9), 'queue', { failTmp: 9 }],
    ['done 111, which is not FSQ_FAIL_TMP', (item) => item.done(111), 'fail', { failTmp: 9 }],
    ['fail FSQ_FAIL_TMP', (item) => item.fail(9), 'queue', { failTmp: 9 }],
  ]

for (const [what, finish, state, settings] of fates) {
  t.test(`${what} moves an item to ${state}/ and gives up its lock`, async (t) => {
    const { queue, item, path } = await claimed(t, { settings: { maxTries: 0, ...settings } })
    const { ino } = lstatSync(path)
    const id = state === 'queue' ? itemName({ args: ['a'], tries: 1 }) : item.id
    t.strictSame(await finish(item), { state, id })
    t.strictSame(contentsOf(queue), { ...nothing, [state]: [id] })
    const target = `${queue.context.paths[state]}/${id}`
    t.equal(lstatSync(target).ino, ino)
    t.equal(readFileSync(target, 'utf8'), 'a body')
    t.ok(isFree(target))
    t.equal(item.fd, undefined)
  })
}

t.test('a retry keeps all of the name but the tries', async (t) => {
  const id = '_20120710213904_12_13044_my%5fhost_9_a%2fb__c'
  const { queue, item } = await claimed(t, { id, settings: { maxTries: 0 } })
  const outcome = await item.failTmp()
  t.equal(outcome.id, '_20120710213904_12_13044_my%5fhost_10_a%2fb__c')
  const again = await queue.claim(outcome.id)
  t.match(again, { tries: 10, enqueuedAt: new Date(2012, 6, 10, 21, 39, 4) })
  again.close()
})

t.test('done and fail keep the name to the byte', async (t) => {
  // Another writer may have escaped more than has to be.
  const id = '_20120710213904_0_13044_mss_0_%5F%41'
  for (const finish of ['success', 'failPerm'] as const) {
    const { item } = await claimed(t, { id })
    t.match(await item[finish](), { id })
  }
})

t.test('a retry that is one too many fails permanently, and says so', async (t) => {
  const { queue, item } = await claimed(t, {
    id: itemName({ tries: 2 }),
    settings: { maxTries: 3 },
  })
  const { state, id, reason } = await item.failTmp()
  t.match({ state, id }, { state: 'fail', id: item.id })
  t.match(reason, {
    code: 'FSQ_MAX_TRIES',
    message: `Max tries exceeded: 3 (3) for item ${item.id}; failed permanently`,
    queue: 'q',
    id: item.id,
  })
  t.strictSame(contentsOf(queue), { ...nothing, fail: [item.id] })
})

t.test('a retry that comes too late fails permanently, and says so', async (t) => {
  const { queue, item } = await claimed(t, { settings: { maxTries: 0, ttl: 3600 } })
  const { state, reason } = await item.failTmp()
  t.equal(state, 'fail')
  t.match(reason, {
    code: 'FSQ_TTL_EXPIRED',
    message: `TTL expired: 3600 for item ${item.id}; failed permanently`,
  })
  t.strictSame(contentsOf(queue), { ...nothing, fail: [item.id] })
})

t.test('a tenth try for which the name has no room fails permanently, and says so', async (t) => {
  const room = 255 - itemName({ tries: 9, args: [''] }).length
  const id = itemName({ tries: 9, args: ['x'.repeat(room)] })
  const { queue, item } = await claimed(t, { id, settings: { maxTries: 0 } })
  const { state, reason } = await item.failTmp()
  t.equal(state, 'fail')
  t.match(reason, {
    code: 'FSQ_NAME_TOO_LONG',
    message: `no room for another try in the name of item ${id}; failed permanently`,
  })
  t.strictSame(contentsOf(queue), { ...nothing, fail: [id] })
})

const limits: [what: string, claim: Partial<Limits>, finish: Partial<Limits>, state: string][] = [
  ['those of the settings', {}, {}, 'fail'],
  ['those of the claim', { maxTries: 2 }, {}, 'queue'],
  ['those of the call', {}, { maxTries: 2 }, 'queue'],
  ['those of the call before those of the claim', { maxTries: 5 }, { maxTries: 1 }, 'fail'],
  ['each of them for itself', { ttl: 1 }, { maxTries: 5 }, 'fail'],
]

for (const [what, claim, finish, state] of limits) {
  t.test(`the limits are ${what}`, async (t) => {
    const { item } = await claimed(t, { settings: { maxTries: 1 }, limits: claim })
    t.match(await item.failTmp(finish), { state })
  })
}

const taken: [
  finish: 'success' | 'failPerm' | 'failTmp',
  state: Outcome['state'],
  tries: number,
][] = [
  ['success', 'done', 0],
  ['failPerm', 'fail', 0],
  ['failTmp', 'queue', 1],
]

for (const [finish, state, tries] of taken) {
  t.test(`where the name is taken in ${state}/, ${finish} keeps both`, async (t) => {
    const { queue, item } = await claimed(t, { id: itemName(), settings: { maxTries: 0 } })
    const directory = queue.context.paths[state]
    for (const entropy of [0, 1]) putEntry(directory, itemName({ entropy, tries }), 'precious')
    const id = itemName({ entropy: 2, tries })
    t.strictSame(await item[finish](), { state, id })
    const bodies = [0, 1, 2].map((entropy) =>
      readFileSync(`${directory}/${itemName({ entropy, tries })}`, 'utf8'),
    )
    t.strictSame(bodies, ['precious', 'precious', 'a body'])
    t.equal(contentsOf(queue)[state]?.length, 3)
  })
}

t.test('an entropy that is no number is followed by 0', async (t) => {
  const { queue, item } = await claimed(t, { id: itemName({ entropy: 'x' }) })
  putEntry(queue.context.paths.done, item.id)
  t.strictSame(await item.success(), { state: 'done', id: itemName({ entropy: 0 }) })
})

t.test('an entropy beyond all numbers is followed by the next', async (t) => {
  const { queue, item } = await claimed(t, { id: itemName({ entropy: '9007199254740992' }) })
  putEntry(queue.context.paths.done, item.id)
  t.match(await item.success(), { id: itemName({ entropy: '9007199254740993' }) })
})

for (const finish of ['success', 'failPerm'] as const) {
  t.test(`${finish} sets the mtime to now`, async (t) => {
    const { queue, item, path } = await claimed(t)
    utimesSync(path, 0, 0)
    const before = Date.now()
    const { state, id } = await item[finish]()
    const { mtimeMs } = lstatSync(`${queue.context.paths[state]}/${id}`)
    t.ok(mtimeMs >= before - 1 && mtimeMs <= Date.now() + 1)
  })
}

t.test('who watches the queue is told of a retry after its name is there', async (t) => {
  const { queue, item } = await claimed(t, { limits: { maxTries: 0 } })
  const watcher = watch(queue.context.paths.queue)
  t.teardown(() => {
    watcher.close()
  })
  const changes = on(watcher, 'change') as AsyncIterable<[string, string]>
  const { id } = await item.failTmp()
  const seen: unknown[] = []
  for await (const [event, name] of changes) {
    if (name !== id) continue
    seen.push(event)
    if (event === 'change') break // The one that finds the item unlocked.
  }
  t.strictSame(seen, ['rename', 'change'])
  t.ok(isFree(`${queue.context.paths.queue}/${id}`))
})

t.test('a retry leaves the mtime as it is', async (t) => {
  const { queue, item, path } = await claimed(t, { settings: { maxTries: 0 } })
  utimesSync(path, 0, 0)
  const { id } = await item.failTmp()
  t.equal(lstatSync(`${queue.context.paths.queue}/${id}`).mtimeMs, 0)
})

const finishes = ['success', 'failPerm', 'failTmp'] as const

for (const finish of finishes) {
  t.test(`${finish} of an item that is finished or closed is refused`, async (t) => {
    const refused = (item: Item) => ({
      code: 'FSQ_NO_ITEM',
      message: `cannot use item ${item.id} of q: it was finished or closed before`,
    })
    const first = await claimed(t)
    await first.item.done()
    await t.rejects(first.item[finish](), refused(first.item))
    const { queue, item } = await claimed(t)
    item.close()
    await t.rejects(item[finish](), refused(item))
    t.strictSame(contentsOf(queue), { ...nothing, queue: [item.id] })
  })

  t.test(`${finish} of an item that is being finished is refused`, async (t) => {
    const { queue, item } = await claimed(t)
    const [first, second] = await Promise.allSettled([item.success(), item[finish]()])
    t.equal(first.status, 'fulfilled')
    const message = `cannot use item ${item.id} of q: it was finished or closed before`
    t.match(second, { status: 'rejected', reason: { code: 'FSQ_NO_ITEM', message } })
    t.strictSame(contentsOf(queue), { ...nothing, done: [item.id] })
  })

  t.test(`${finish} of an item that is gone is an error that says so`, async (t) => {
    const { queue, item, path } = await claimed(t, { settings: { maxTries: 0 } })
    unlinkSync(path)
    await t.rejects(item[finish](), {
      code: 'FSQ_NO_ITEM',
      message: `item ${item.id} is no longer in the queue q`,
      queue: 'q',
      id: item.id,
    })
    t.strictSame(contentsOf(queue), nothing)
  })

  t.test(`${finish} leaves another file of that name alone`, async (t) => {
    const { queue, item, path } = await claimed(t, { settings: { maxTries: 0 } })
    renameSync(path, `${queue.path}/elsewhere`)
    writeFileSync(path, 'precious')
    await t.rejects(item[finish](), { code: 'FSQ_NO_ITEM' })
    t.strictSame(contentsOf(queue), { ...nothing, queue: [item.id] })
    t.equal(readFileSync(path, 'utf8'), 'precious')
  })
}

t.test(
  'an item that could not be finished is still locked, and may be finished again',
  async (t) => {
    const { queue, item, path } = await claimed(t)
    const { done } = queue.context.paths
    rmdirSync(done)
    await t.rejects(item.success(), {
      code: 'FSQ_NO_QUEUE',
      message: `not a whole queue: q has no directory ${done}`,
    })
    writeFileSync(done, '')
    await t.rejects(item.success(), { code: 'FSQ_NO_QUEUE' })
    t.notOk(isFree(path))
    unlinkSync(done)
    mkdirSync(done)
    t.match(await item.success(), { state: 'done' })
  },
)
