import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { check, notRoot, place, startProgram } from '../helpers/cli.js'
import { setTime, timeIs, timeIsIn, withoutFakeTime } from '../helpers/clock.js'
import { contentsOf, entriesOf, nothing } from '../helpers/temporary.js'

/*
 * Layer 6: the clock. It decides about names, age and the order of items, and it may be wrong, step,
 * or show the same hour twice; docs/guarantees.md says what comes of that.
 */
const skip = await withoutFakeTime()
const enqueuer = fileURLToPath(new URL('clock/enqueue.mjs', import.meta.url))
const noon = '2030-06-01T12:00:00Z'
const expired = 'fsq scan: TTL expired: 3600 for item'

t.test('an item expires when its time to live is over, not before', { skip }, async (t) => {
  for (const [time, isOver] of [
    ['2030-06-01T11:00:00Z', false], // The clock stepped back.
    [noon, false],
    ['2030-06-01T12:59:59Z', false],
    ['2030-06-01T13:00:00Z', true],
    ['2038-01-19T03:14:08Z', true],
  ] as const) {
    const { fsq, queue } = await place(t)
    check(t, await fsq(['enqueue', '-e', 'q'], { env: timeIs(noon) }))
    const [id = ''] = entriesOf(queue.context.paths.queue)
    const scan = await fsq(['scan', '-t', '3600', 'q', 'echo', 'run'], { env: timeIs(time) })
    const message = `${expired} ${id}; failed permanently\n`
    check(t, scan, isOver ? { stderr: message } : { stdout: 'run\n' }, time)
    t.strictSame(contentsOf(queue), { ...nothing, [isOver ? 'fail' : 'done']: [id] }, time)
  }
})

t.test('a retry after its time to live is a failure', { skip }, async (t) => {
  const { fsq, queue, env, directory } = await place(t)
  const clock = `${directory}/clock`
  setTime(clock, noon)
  const variables = { env: { ...env, ...timeIsIn(clock) } }
  check(t, await fsq(['enqueue', '-e', 'q'], variables))
  const later = Date.parse('2030-06-01T13:00:00Z') / 1000
  const step = ['sh', '-c', `echo ${later} >${clock}; exit 111`]
  const scan = await fsq(['scan', '-m', '9', '-t', '3600', 'q', ...step], variables)
  check(t, scan, { stderr: /^fsq scan: TTL expired: 3600 / })
  t.equal(contentsOf(queue)['fail']?.length, 1)
})

t.test('prune counts from when an item was finished', { skip }, async (t) => {
  const { fsq, queue } = await place(t)
  check(t, await fsq(['enqueue', '-e', 'q'], { env: timeIs(noon) }))
  const finishedAt = '2038-01-19T03:14:08Z' // The first second that 32 bits do not hold.
  check(t, await fsq(['scan', 'q', 'true'], { env: timeIs(finishedAt) }))
  const { done } = queue.context.paths
  const [id = ''] = entriesOf(done)
  const mtime = statSync(`${done}/${id}`).mtime.toISOString()
  if (mtime !== '2038-01-19T03:14:08.000Z') {
    t.comment(`skipped: the file system has no times after 2038; this became ${mtime}`)
    return
  }
  for (const [time, left] of [
    ['2030-06-09T12:00:00Z', 1],
    ['2038-01-26T03:14:07Z', 1],
    ['2038-01-26T03:14:08Z', 0],
  ] as const) {
    check(t, await fsq(['prune', '--older', '7d', 'q'], { env: timeIs(time) }))
    t.equal(entriesOf(done).length, left, time)
  }
})

t.test(
  'names stay unique while the clock steps, and items keep their order',
  { skip },
  async (t) => {
    const { directory, env, queue, fsq } = await place(t)
    const clock = `${directory}/clock`
    setTime(clock, noon)
    const each = 20
    const enqueue = startProgram(process.execPath, [enqueuer, 'q', String(each)], {
      env: { ...env, ...timeIsIn(clock) },
      input: { later: true },
    })
    const steps = [
      [noon, '20300601120000'],
      ['2030-06-01T11:00:00Z', '20300601110000'], // An hour back,
      [noon, '20300601120000'], // and forth, to a second that was there before.
      ['1999-12-31T23:59:59Z', '19991231235959'], // A machine whose battery is empty.
      [noon, '20300601120000'],
      ['2038-01-19T03:14:07Z', '20380119031407'],
      ['2038-01-19T03:14:08Z', '20380119031408'],
      ['2106-02-07T06:28:16Z', '21060207062816'], // 32 bits without a sign are over, too.
    ] as const
    const ids: string[] = []
    for (const [time, timestamp] of steps) {
      setTime(clock, time)
      enqueue.write(`${time}\n`)
      const names = (await enqueue.line()).split(' ')
      t.strictSame([...new Set(names.map((name) => name.split('_')[1]))], [timestamp], time)
      ids.push(...names)
      // Those that are out of sight must not come again.
      if (time === noon) for await (const item of queue.scan()) await item.done()
    }
    enqueue.end()
    check(t, await enqueue.ended, { stdout: /./ })
    t.equal(new Set(ids).size, steps.length * each)
    const waiting: string[] = []
    const years = new Set<number>()
    for await (const item of queue.scan()) {
      waiting.push(item.id)
      years.add(item.enqueuedAt.getFullYear())
      await item.done()
    }
    t.strictSame([...years], [2038, 2106])
    t.strictSame(waiting, ids.slice(-3 * each), 'in the order of their timestamps')
    t.strictSame(contentsOf(queue), { ...nothing, done: [...ids].sort() })
    check(t, await fsq(['ls', 'q']))
  },
)

t.test(
  'items from before a step back of the clock come after those from then',
  { skip },
  async (t) => {
    const { fsq, queue } = await place(t)
    const names: string[] = []
    for (const time of [noon, '2030-06-01T11:59:59Z']) {
      const { stdout } = await fsq(['enqueue', '-p', '-e', 'q'], { env: timeIs(time) })
      names.push(stdout.trim())
    }
    const order: string[] = []
    for await (const { id } of queue.scan()) order.push(id)
    t.strictSame(order, names.reverse())
  },
)

t.test(
  'a process that has the id of another, in the same second, takes none of its names',
  {
    skip: skip !== false ? skip : await withoutSameId(),
  },
  async (t) => {
    const { directory, env, queue } = await place(t)
    const enqueue = async (body: string): Promise<string> => {
      const words = ['--fork', '--pid', 'fsq', 'enqueue', '-p', 'q']
      const options = { env: { ...env, ...timeIs(noon) }, input: body, cwd: directory }
      const ended = await startProgram('unshare', words, options).ended
      check(t, ended, { stdout: /_1_/ })
      return ended.stdout.trim()
    }
    const handle = async (): Promise<string[]> => {
      const bodies: string[] = []
      for await (const item of queue.scan()) {
        bodies.push(await item.text())
        await item.done()
      }
      return bodies
    }
    const first = await enqueue('first')
    const second = await enqueue('second')
    t.not(first, second, 'it counts on')
    t.strictSame(await handle(), ['first', 'second'])
    t.equal(await enqueue('third'), first, 'the name of an item that is finished comes again')
    t.strictSame(await handle(), ['third'])
    t.equal(entriesOf(queue.context.paths.done).length, 3, 'and none replaces the other')
  },
)

async function withoutSameId(): Promise<string | false> {
  if (notRoot !== false) return 'needs root, to have a process id of its choice'
  const ended = await startProgram('unshare', ['--fork', '--pid', 'true']).ended.catch(() => null)
  return ended?.status === 0 ? false : 'needs unshare(1), to have a process id of its choice'
}

t.test('a scan goes on when the clock steps under it', { skip }, async (t) => {
  const { directory, env, queue, fsq } = await place(t)
  const clock = `${directory}/clock`
  setTime(clock, noon)
  const variables = { env: { ...env, ...timeIsIn(clock) } }
  // By one process: what several enqueue in the same second is ordered by their ids.
  const items = ['11:00', '13:00', '11:30', '12:00'].map((time) => {
    const seconds = Date.parse(`2030-06-01T${time}:00Z`) / 1000
    return `${JSON.stringify({ args: [String(seconds)] })}\n`
  })
  const batch = await fsq(['enqueue', '--batch', 'q'], { ...variables, input: items.join('') })
  check(t, batch, { stdout: /^(.+\n){4}$/ })
  const began = performance.now()
  const step = [
    'sh',
    '-c',
    `echo "$1" >${clock}.new; mv ${clock}.new ${clock}; date -u +%H:%M`,
    'sh',
  ]
  const scan = await fsq(['scan', '-r', '20', 'q', ...step], variables)
  check(t, scan, { stdout: '11:00\n13:00\n11:30\n12:00\n' })
  t.ok(performance.now() - began < 30_000, 'its rate goes by a clock that does not step')
  t.equal(contentsOf(queue)['done']?.length, 4)
})

const berlin = 'Europe/Berlin'
// 02:30 in summer time; an hour later it is 02:30 again, in winter time.
const [summer, winter] = ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'] as const

t.test('names are unique in the hour that occurs twice', { skip }, async (t) => {
  const { directory, env, queue, fsq } = await place(t)
  const clock = `${directory}/clock`
  setTime(clock, summer)
  const variables = { ...env, ...timeIsIn(clock, berlin) }
  const enqueue = startProgram(process.execPath, [enqueuer, 'q', '2'], {
    env: variables,
    input: { later: true },
  })
  const names: string[] = []
  for (const time of [summer, winter]) {
    setTime(clock, time)
    enqueue.write(`${time}\n`)
    names.push(...(await enqueue.line()).split(' '))
  }
  enqueue.end()
  await enqueue.ended
  t.strictSame(
    names.map((name) => name.split('_').slice(1, 3)),
    ['0', '1', '2', '3'].map((entropy) => ['20261025023000', entropy]),
  )
  const scan = await fsq(['scan', 'q', 'cat'], { env: variables })
  check(t, scan, { stdout: [summer, summer, winter, winter].join('') })
  t.strictSame(contentsOf(queue), { ...nothing, done: names })
})

t.test(
  'what is enqueued when that hour comes again is taken for an hour older',
  { skip },
  async (t) => {
    for (const [enqueuedAt, scannedAt, isOver] of [
      [summer, '2026-10-25T01:29:59Z', false],
      [summer, winter, true],
      [winter, winter, true],
      ['2026-10-25T02:00:00Z', '2026-10-25T02:59:59Z', false], // 03:00, which occurs once.
    ] as const) {
      const { fsq, queue } = await place(t)
      check(t, await fsq(['enqueue', '-e', 'q'], { env: timeIs(enqueuedAt, berlin) }))
      const scan = ['scan', '-t', '3600', 'q', 'true']
      check(
        t,
        await fsq(scan, { env: timeIs(scannedAt, berlin) }),
        isOver ? { stderr: /^fsq scan: TTL/ } : {},
      )
      const where = isOver ? 'fail' : 'done'
      t.equal(contentsOf(queue)[where]?.length, 1, `${enqueuedAt} at ${scannedAt}`)
    }
  },
)
