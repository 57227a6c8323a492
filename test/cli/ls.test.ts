import { spawnSync } from 'node:child_process'
import { mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { check, type Place, place, startProgram } from '../helpers/cli.js'

t.jobs = 4

/** A place with one item in each directory of the queue, and one that is malformed. */
async function oneOfEach(here: Place): Promise<Record<'queue' | 'done' | 'fail' | 'tmp', string>> {
  const { queue } = here
  const enqueuedAt = new Date(Date.now() - 3 * 60 * 60 * 1000)
  const done = await queue.enqueue('done', ['a b', ''], { enqueuedAt })
  await (await queue.claim(done)).done()
  const fail = await queue.enqueue('failed', ['ü'])
  await (await queue.claim(fail)).failPerm()
  const waiting = await queue.enqueue('body', ['plain', 'a b'])
  const tmp = '_20120710213904_0_1_host_0'
  writeFileSync(`${queue.context.paths.tmp}/${tmp}`, '')
  return { queue: waiting, done, fail, tmp }
}

t.test('ls prints queues, or the names of items', { buffered: true }, async (t) => {
  const here = await place(t)
  const ids = await oneOfEach(here)
  const other = await here.root.install('x')
  const inOther = await other.enqueue('')
  mkdirSync(`${here.root.settings.root}/.hidden/queue`, { recursive: true })
  mkdirSync(`${here.root.settings.root}/no-queue`)
  writeFileSync(`${here.queue.context.paths.queue}/.nfs1`, '')
  const { queue, done, fail, tmp } = ids
  const table: readonly [words: string[], stdout: string][] = [
    [[], 'q\nx\n'],
    [['-0'], 'q\0x\0'],
    [['q', 'x'], `${queue}\n${inOther}\n`],
    [['-s', 'done', 'q'], `${done}\n`],
    [['q', '--state=fail'], `${fail}\n`],
    [['-stmp', 'q'], `${tmp}\n`],
    [['--state', 'all', 'q', '-0'], `${queue}\0${done}\0${fail}\0${tmp}\0`],
  ]
  for (const [words, stdout] of table)
    check(t, await here.fsq(['ls', ...words]), { stdout }, `ls ${words.join(' ')}`)
})

t.test('items are listed in the order of enqueueing', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const enqueuedAt = new Date()
  const ids = []
  for (const entropy of [9, 10, 100]) ids.push(await queue.enqueue('', [], { entropy, enqueuedAt }))
  check(t, await fsq(['ls', 'q']), { stdout: `${ids.join('\n')}\n` })
})

t.test('ls --json prints an object a line', { buffered: true }, async (t) => {
  const here = await place(t)
  const { fsq, queue } = here
  const ids = await oneOfEach(here)
  const bytes = Buffer.from(`${queue.context.paths.queue}/_\xff`, 'latin1')
  writeFileSync(bytes, 'abc')
  const item = await queue.claim(ids.queue)
  const { status, stdout, stderr } = await fsq(['ls', '--json', '--state', 'all', 'q'])
  item.close()
  t.strictSame({ status, stderr }, { status: 0, stderr: '' })
  const objects = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const { entropy, pid, hostname, enqueuedAt } = item
  t.strictSame(
    objects.map(({ state, id }) => [state, id]),
    [
      ['queue', ids.queue],
      ['queue', '_\\xff'],
      ['done', ids.done],
      ['fail', ids.fail],
      ['tmp', ids.tmp],
    ],
  )
  const [waiting, malformed, done] = objects
  t.match(malformed, { queue: 'q', size: 3, locked: false, malformed: true })
  t.strictSame(
    { ...waiting, modifiedAt: undefined },
    {
      queue: 'q',
      state: 'queue',
      id: ids.queue,
      size: 4,
      locked: true,
      modifiedAt: undefined,
      delimiter: '_',
      enqueuedAt: enqueuedAt.toISOString().replace('Z', '+00:00'),
      entropy,
      pid,
      hostname,
      tries: 0,
      arguments: ['plain', 'a b'],
    },
  )
  t.ok(Date.now() - Date.parse(String(waiting?.['modifiedAt'])) < 60_000)
  t.match(done, { arguments: ['a b', ''], size: 4, locked: false })
})

t.test('ls -l prints a table', { buffered: true }, async (t) => {
  const here = await place(t)
  const ids = await oneOfEach(here)
  writeFileSync(`${here.queue.context.paths.queue}/_mal\u001bformed`, 'abc')
  const later = await here.queue.enqueue('')
  const tomorrow = new Date(Date.now() + 24 * 60 * 60 * 1000)
  utimesSync(`${here.queue.context.paths.queue}/${later}`, tomorrow, tomorrow)
  const item = await here.queue.claim(ids.queue)
  const { status, stdout, stderr } = await here.fsq(['ls', '--long', '-s', 'all', 'q'])
  item.close()
  t.strictSame({ status, stderr }, { status: 0, stderr: '' })
  const [head, ...rows] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/ +/g, ' ').trim())
  t.equal(head, 'STATE AGE ENQUEUED TRIES SIZE LOCKED NOT-BEFORE ARGUMENTS NAME')
  const expected = [
    /^queue - - - 3 no - \(malformed\) _mal\\x1bformed$/, // Nothing steers the terminal.
    new RegExp(`^queue \\d+m?s TIME 0 4 yes - plain "a b" ${ids.queue}$`),
    new RegExp(`^queue \\d+m?s TIME 0 0 no TIME ${later}$`),
    new RegExp(`^done 3h TIME 0 4 no - "a b" "" ${ids.done}$`),
    new RegExp(`^fail \\d+m?s TIME 0 6 no - ü ${ids.fail}$`),
    new RegExp(`^tmp \\d+d TIME 0 0 no - ${ids.tmp}$`),
  ]
  t.equal(rows.length, expected.length)
  const timeless = rows.map((row) => row.replace(/\d{4}-\d\d-\d\dT[\d:]{8}\+00:00/g, 'TIME'))
  for (const each of expected)
    t.ok(
      timeless.some((row) => each.test(row)),
      String(each),
    )
  check(t, await here.fsq(['install', 'x']))
  check(t, await here.fsq(['ls', '-l', 'x']), {}, 'no table of nothing')
})

t.test('times are local with their zone, or in UTC', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const id = await queue.enqueue('', [], { enqueuedAt: new Date('2012-07-10T21:39:04Z') })
  const env = { TZ: 'Asia/Kolkata' }
  // The name has local time: what one zone wrote, another reads as its own.
  const name = id.replace(/^_\d+/, '_20120710213904')
  renameSync(`${queue.context.paths.queue}/${id}`, `${queue.context.paths.queue}/${name}`)
  const table: readonly [words: string[], time: string][] = [
    [['-l'], ' 2012-07-10T21:39:04+05:30 '],
    [['-l', '--utc'], ' 2012-07-10T16:09:04Z '],
    [['--json'], '"enqueuedAt":"2012-07-10T21:39:04.000+05:30"'],
    [['--json', '--utc'], '"enqueuedAt":"2012-07-10T16:09:04.000Z"'],
  ]
  for (const [words, time] of table)
    t.match((await fsq(['ls', ...words, 'q'], { env })).stdout, time, words.join(' '))
})

/** Puts entries into the queue whose names could steer a terminal, or are no text. */
function steering({ queue }: Place): Buffer[] {
  const names = [
    Buffer.from('_\u001b[2J'),
    Buffer.from('_caf\xe9', 'latin1'),
    Buffer.from('_\u009b1m'),
  ]
  for (const name of names)
    writeFileSync(Buffer.concat([Buffer.from(`${queue.context.paths.queue}/`), name]), '')
  return names
}

t.test('names are printed byte for byte', { buffered: true }, async (t) => {
  const here = await place(t)
  const names = steering(here)
  const { status, bytes } = await here.fsq(['ls', 'q'])
  t.equal(status, 0)
  for (const name of names) t.ok(bytes.includes(Buffer.concat([name, Buffer.from('\n')])))
})

const noScript =
  spawnSync('script', ['--version']).status === 0 ? false : 'needs script(1), to have a terminal'

t.test('except to a terminal', { buffered: true, skip: noScript }, async (t) => {
  const here = await place(t)
  steering(here)
  const words = ['-qec', 'fsq ls q', `${here.directory}/typescript`]
  const { status, stdout } = await startProgram('script', words, { env: here.env }).ended
  t.equal(status, 0)
  t.notMatch(stdout, /[\u001b\u0080-\u009f]/, 'nothing that steers it')
  t.match(stdout, '_\\x1b[2J')
  t.match(stdout, '_\\x9b1m')
})

t.test('ls of queues has --json, and no flag that is about items', async (t) => {
  const { fsq, root } = await place(t)
  await root.install('other')
  check(t, await fsq(['ls', '--json']), { stdout: '{"queue":"other"}\n{"queue":"q"}\n' })
  const stderr = /^fsq ls: -l and -s are about items: name a queue\n/
  for (const flags of [['-l'], ['-s', 'done']])
    check(t, await fsq(['ls', ...flags]), { status: 100, stderr })
})

t.test('ls of what is no queue says so', { buffered: true }, async (t) => {
  const { fsq, directory } = await place(t)
  const [queue, root] = await Promise.all([
    fsq(['ls', 'nosuch']),
    fsq(['-r', `${directory}/nosuch`, 'ls']),
  ])
  check(t, queue, { status: 111, stderr: /^fsq ls: no such queue: nosuch / })
  check(t, root, { status: 111, stderr: /^fsq ls: cannot list the queues in .*name another/ })
})

t.test('a reader that goes away is no fault', { buffered: true }, async (t) => {
  const { queue, env } = await place(t)
  for (let i = 0; i < 2000; i++)
    writeFileSync(`${queue.context.paths.queue}/_20120710213904_${i}_1_${'h'.repeat(150)}_0`, '')
  const ended = await startProgram('sh', ['-c', 'fsq ls q | head -n 1'], { env }).ended
  check(t, ended, { stdout: /^_20120710213904_0_1_h+_0\n$/ })
})

t.test('path prints where things are', { buffered: true }, async (t) => {
  const here = await place(t)
  const { queue, done, tmp } = await oneOfEach(here)
  const { root: top } = here.root.settings
  const table: readonly [words: string[], stdout: string][] = [
    [[], top],
    [['q'], `${top}/q`],
    [['-s', 'fail', 'q'], `${top}/q/fail`],
    [['q', queue], `${top}/q/queue/${queue}`],
    [['q', done], `${top}/q/done/${done}`],
    [['--state=tmp', 'q', tmp], `${top}/q/tmp/${tmp}`],
  ]
  for (const [words, path] of table)
    check(t, await here.fsq(['path', ...words]), { stdout: `${path}\n` }, `path ${words.join(' ')}`)
  const failing: readonly [words: string[], stderr: RegExp][] = [
    [['nosuch'], /no such queue: nosuch/],
    [['q', 'nosuch'], /no such item in q: nosuch/],
    [['-s', 'done', 'q', queue], /no such item in q: /],
    [['q', '../done'], /no such item in q: \.\.\/done/],
    [['q', ''], /no such item in q: /],
  ]
  for (const [words, stderr] of failing)
    check(t, await here.fsq(['path', ...words]), { status: 111, stderr }, `path ${words.join(' ')}`)
})
