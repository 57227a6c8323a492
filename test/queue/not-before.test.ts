import { lstatSync, utimesSync } from 'node:fs'
import t from 'tap'
import { formatTime } from '../../lib/cli/times.js'
import { notBefore } from '../../lib/queue/not-before.js'
import type { Queue } from '../../lib/root/queue.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { temporaryQueue } from '../helpers/temporary.js'

const hour = 60 * 60 * 1000
const inAnHour = (): Date => new Date(Date.now() + hour)

async function scanned(queue: Queue): Promise<string[]> {
  const ids: string[] = []
  await using scan = queue.scan()
  for await (const { id } of scan) ids.push(id)
  return ids
}

const mtimeOf = (queue: Queue, id: string): number =>
  lstatSync(`${queue.context.paths.queue}/${id}`).mtimeMs

t.test('the time of an item counts where it is to come, and was set', async (t) => {
  const now = 1_000_000
  const cases: [what: string, mtimeMs: number, ctimeMs: number, waits: boolean][] = [
    ['an item as it was enqueued', now - 10, now - 10, false],
    ['one whose time has come', now - 1, now - 10, false],
    ['one whose time comes', now + 1, now - 10, true],
    ['one of before the clock was put back', now + hour, now + hour, false],
    ['one that got its time while the clock was fast', now + 2 * hour, now + hour, false],
    ['one that got its time by a server that is a bit fast', now + hour, now + 5000, true],
  ]
  for (const [what, mtimeMs, ctimeMs, waits] of cases)
    t.equal(notBefore({ mtimeMs, ctimeMs }, now), waits ? mtimeMs : undefined, what)
})

t.test('a time that no date can tell is told as the last that one can', (t) => {
  const time = new Date(notBefore({ mtimeMs: 1e18, ctimeMs: 0 }, 1) ?? 0)
  for (const utc of [true, false]) t.match(formatTime(time, { utc }), /^\+275760-09-1/)
  t.end()
})

t.test('an item is not scanned before its time, and then it is', async (t) => {
  const queue = await temporaryQueue(t)
  const time = inAnHour()
  const late = await queue.enqueue('', ['late'], { notBefore: time })
  const early = await queue.enqueue('', ['early'])
  const past = await queue.enqueue('', ['past'], { notBefore: new Date(0) })
  t.equal(Math.round(mtimeOf(queue, late)), time.getTime())
  t.ok(mtimeOf(queue, past) > Date.now() - hour, 'a time that is over leaves no trace')
  t.strictSame(await scanned(queue), [early, past])
  const now = new Date()
  utimesSync(`${queue.context.paths.queue}/${late}`, now, now)
  t.strictSame(await scanned(queue), [late, early, past])
})

t.test('items that are scanned neither locked nor opened wait too', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('', [], { notBefore: inAnHour() })
  for await (const item of queue.scan({ lock: false, noOpen: true })) t.fail(item.id)
})

t.test('each item of a batch has its own time', async (t) => {
  const queue = await temporaryQueue(t)
  const [, second] = await queue.enqueueMany([{ notBefore: inAnHour() }, {}])
  t.strictSame(await scanned(queue), [second])
})

t.test('an item that is asked for by name is there before its time', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue('', [], { notBefore: inAnHour() })
  using item = await queue.claim(id)
  const { state } = await item.done()
  t.equal(state, 'done')
  const { mtimeMs } = lstatSync(`${queue.context.paths.done}/${id}`)
  t.ok(mtimeMs <= Date.now(), 'finishing sets the time to now')
})

t.test('an item that failed is not tried again before its time', async (t) => {
  const queue = await temporaryQueue(t, { maxTries: 3 })
  const id = await queue.enqueue('', [])
  const time = inAnHour()
  using item = await queue.claim(id)
  const outcome = await item.failTmp({ notBefore: time })
  t.equal(outcome.state, 'queue')
  t.equal(Math.round(mtimeOf(queue, outcome.id)), time.getTime())
  t.strictSame(await scanned(queue), [])
})

t.test('an item that fails for good keeps no time to come', async (t) => {
  const queue = await temporaryQueue(t, { maxTries: 1 })
  using item = await queue.claim(await queue.enqueue('', []))
  const outcome = await item.failTmp({ notBefore: inAnHour() })
  t.equal(outcome.state, 'fail')
  const { mtimeMs } = lstatSync(`${queue.context.paths.fail}/${outcome.id}`)
  t.ok(mtimeMs <= Date.now())
})

t.test('the limits of an item that waits are looked at when its time has come', async (t) => {
  const queue = await temporaryQueue(t, { ttl: 1 })
  const id = itemName({ timestamp: '20200101000000' })
  putEntry(queue.context.paths.queue, id, '')
  const path = `${queue.context.paths.queue}/${id}`
  utimesSync(path, inAnHour(), inAnHour())
  t.strictSame(await scanned(queue), [])
  t.ok(lstatSync(path).isFile(), 'it is still there')
})

t.test('what is no time is refused', async (t) => {
  const queue = await temporaryQueue(t)
  for (const given of [new Date(NaN), 5, '2026-12-24']) {
    await t.rejects(queue.enqueue('', [], { notBefore: given as Date }), TypeError, String(given))
  }
  using item = await queue.claim(await queue.enqueue('', []))
  await t.rejects(item.failTmp({ notBefore: new Date(NaN) }), TypeError)
  t.equal((await item.done()).state, 'done', 'and the item can still be finished')
})
