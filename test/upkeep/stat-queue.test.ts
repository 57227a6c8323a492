import { constants, mkdirSync, openSync, closeSync, rmSync, utimesSync } from 'node:fs'
import t from 'tap'
import { statQueue } from '../../lib/upkeep/stat-queue.js'
import { place, startProgram } from '../helpers/cli.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { temporaryQueue, temporaryRoot } from '../helpers/temporary.js'

const now = new Date()
const minutesAgo = (minutes: number): Date => new Date(now.getTime() - minutes * 60_000)

/** A timestamp as it stands in names, in local time. */
function stamp(time: Date): string {
  const offset = time.getTimezoneOffset() * 60_000
  return new Date(time.getTime() - offset).toISOString().replace(/\D/g, '').slice(0, 14)
}

t.test('an empty queue has nothing of anything', async (t) => {
  const queue = await temporaryQueue(t)
  t.strictSame(await statQueue(queue, { now }), {
    queue: 'q',
    at: now,
    items: { queue: 0, done: 0, fail: 0, tmp: 0 },
    waiting: 0,
    delayed: 0,
    malformed: 0,
    locked: [],
    tries: {},
    ages: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    perMinute: { done: 0, fail: 0 },
    down: false,
    trigger: false,
    listeners: [],
  })
})

t.test('every entry counts once, as what it is', async (t) => {
  const queue = await temporaryQueue(t)
  const { paths } = queue.context
  const put = (name: string, time: Date): void => {
    utimesSync(putEntry(paths.queue, name), time, time)
  }
  const enqueued = (minutes: number): string => stamp(minutesAgo(minutes))
  put(itemName({ timestamp: enqueued(100), entropy: 1 }), minutesAgo(100))
  put(itemName({ timestamp: enqueued(2000), entropy: 2 }), minutesAgo(7)) // Was delayed till then.
  put(itemName({ timestamp: enqueued(30), entropy: 3, tries: 2 }), minutesAgo(7)) // Backed off.
  put(itemName({ timestamp: enqueued(3000), entropy: 4, tries: 12 }), minutesAgo(-1)) // Delayed.
  const locked = itemName({ timestamp: enqueued(4000), entropy: 5, tries: 9 })
  put(locked, minutesAgo(4000))
  putEntry(paths.queue, 'malformed')
  mkdirSync(`${paths.queue}/${itemName({ entropy: 6 })}`)
  putEntry(paths.queue, '.nfs1')
  for (const name of ['a', 'b', '.nfs2']) putEntry(paths.done, name)
  putEntry(paths.fail, 'a')
  for (const name of ['a', '.b', 'c', 'd']) putEntry(paths.tmp, name)
  await queue.down()
  const item = await queue.claim(locked)
  const stat = await statQueue(queue, { now })
  item.close()
  t.match(stat, {
    items: { queue: 7, done: 2, fail: 1, tmp: 4 },
    waiting: 3,
    delayed: 1,
    malformed: 2,
    locked: [{ id: locked, pid: process.pid }],
    tries: { '0': 2, '2': 1, '9': 1, '10+': 1 },
    //     5 10 20 40 80 160
    ages: [0, 1, 0, 1, 0, 1, 0, 0, 0, 0],
    perMinute: { done: 2, fail: 1 },
    down: true,
  })
  t.ok(Math.abs((stat.oldestAge ?? 0) - 6000) < 2, `${stat.oldestAge} seconds`)
  t.match(await statQueue(queue, { now }), { locked: [], waiting: 4 }, 'locked no more')
})

t.test('ages stand in the column up to whose limit they are', async (t) => {
  const queue = await temporaryQueue(t)
  const whole = new Date(Math.floor(now.getTime() / 1000) * 1000)
  const limits = [5, 10, 20, 40, 80, 160, 320, 640, 1280]
  for (const [i, limit] of limits.entries()) {
    const time = new Date(whole.getTime() - limit * 60_000)
    const name = itemName({ timestamp: stamp(time), entropy: i, tries: 1 })
    utimesSync(putEntry(queue.context.paths.queue, name), time, time)
  }
  const { ages } = await statQueue(queue, { now: whole })
  t.strictSame(ages, [1, 1, 1, 1, 1, 1, 1, 1, 1, 0])
  const later = await statQueue(queue, { now: new Date(whole.getTime() + 1) })
  t.strictSame(later.ages, [0, 1, 1, 1, 1, 1, 1, 1, 1, 1])
})

t.test('what was finished more than a minute ago is not of the last minute', async (t) => {
  const queue = await temporaryQueue(t)
  const { done } = queue.context.paths
  const name = itemName()
  putEntry(done, name)
  const rate = async (after: number): Promise<number> =>
    (await statQueue(queue, { now: new Date(Date.now() + after) })).perMinute.done
  t.equal(await rate(30_000), 1)
  t.equal(await rate(61_000), 0, 'nothing came to the directory')
  const soon = new Date(Date.now() + 60_000)
  utimesSync(done, soon, soon)
  t.equal(await rate(61_000), 0, 'something else did')
  rmSync(`${done}/${name}`)
  t.equal(await rate(0), 0)
})

const noProc = process.platform === 'linux' ? false : 'needs /proc'

t.test('who listens to the trigger is told, who pulls it is not', { skip: noProc }, async (t) => {
  const queue = await temporaryQueue(t)
  const { trigger } = queue.context.paths
  const { O_RDONLY, O_RDWR, O_WRONLY, O_NONBLOCK } = constants
  putEntry(queue.path, 'trigger-s')
  t.match(await statQueue(queue), { trigger: false, listeners: [] }, 'a file is none')
  rmSync(trigger)
  await queue.trigger()
  t.match(await statQueue(queue), { trigger: true, listeners: [] })
  for (const mode of [O_RDONLY, O_RDWR]) {
    const fd = openSync(trigger, mode | O_NONBLOCK)
    t.strictSame((await statQueue(queue)).listeners, [process.pid])
    closeSync(fd)
  }
  const reader = openSync(trigger, O_RDONLY | O_NONBLOCK)
  const writer = openSync(trigger, O_WRONLY | O_NONBLOCK)
  closeSync(reader)
  t.strictSame((await statQueue(queue)).listeners, [])
  closeSync(writer)
})

t.test('the trigger of another queue is another', { skip: noProc }, async (t) => {
  const { root, queue, directory } = await place(t)
  const other = await root.install('other', { triggered: true })
  await queue.trigger()
  const script = `exec 3<>"${other.context.paths.trigger}"; echo open; read line`
  const started = startProgram('sh', ['-c', script], { cwd: directory, input: { later: true } })
  await started.line()
  t.equal((await statQueue(other)).listeners.length, 1)
  t.strictSame((await statQueue(queue)).listeners, [])
  started.end()
  await started.ended
})

t.test('without a queue there is nothing to count', async (t) => {
  await t.rejects(statQueue(temporaryRoot(t).queue('nosuch')), { code: 'FSQ_NO_QUEUE' })
  const queue = await temporaryQueue(t)
  rmSync(queue.context.paths.done, { recursive: true })
  await t.rejects(statQueue(queue), { code: 'FSQ_NO_QUEUE', message: /no directory .*done/ })
})

t.test('an aborted count throws the reason', async (t) => {
  const queue = await temporaryQueue(t)
  await t.rejects(statQueue(queue, { signal: AbortSignal.abort(new Error('enough')) }), {
    message: 'enough',
  })
})
