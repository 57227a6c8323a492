import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs'
import { writeFile } from 'node:fs/promises'
import t from 'tap'
import {
  check,
  eventually,
  notRoot,
  nulSeparated,
  type Place,
  place,
  startProgram,
} from '../helpers/cli.js'
import { modeOf } from '../helpers/mode.js'
import { contentsOf, entriesOf, nothing, underUmask } from '../helpers/temporary.js'

t.jobs = 4

/** The path of the only item in the queue. */
function onlyItem({ queue: { context } }: Pick<Place, 'queue'>): string {
  const names = entriesOf(context.paths.queue)
  if (names.length !== 1) throw new Error(`not one item but ${names.length}`)
  return `${context.paths.queue}/${names[0] ?? ''}`
}

t.test('the body is stdin, a file or nothing, byte for byte', { buffered: true }, async (t) => {
  const { fsq, queue, directory, root } = await place(t)
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i + (i >> 8)) & 0xff))
  const file = `${directory}/body`
  writeFileSync(file, bytes)
  const fd = openSync(file, 'r')
  const cases = {
    pipe: { words: [], input: bytes, body: bytes },
    redirect: { words: [], input: fd, body: bytes },
    file: { words: ['-f', file], input: 'not this', body: bytes },
    long: { words: [`--file=${file}`], body: bytes },
    dash: { words: ['-f', '-'], input: bytes, body: bytes },
    relative: { words: ['-f', 'body'], cwd: directory, body: bytes },
    empty: { words: ['-e'], input: 'not this', body: Buffer.alloc(0) },
    nothing: { words: [], body: Buffer.alloc(0) },
  }
  await Promise.all(
    Object.entries(cases).map(async ([name, { words, body, ...options }]) => {
      const { paths } = (await root.install(name)).context
      const ended = await fsq(['enqueue', '-p', ...words, name], options)
      const [id = ''] = entriesOf(paths.queue)
      check(t, ended, { stdout: `${id}\n` }, name)
      t.ok(readFileSync(`${paths.queue}/${id}`).equals(body), `${name}: the body`)
      t.strictSame(entriesOf(paths.tmp), [], `${name}: nothing is left in tmp/`)
    }),
  )
  closeSync(fd)
  t.strictSame(contentsOf(queue), nothing)
})

t.test('a body may come through a FIFO', { buffered: true }, async (t) => {
  const here = await place(t)
  await here.queue.trigger() // Any FIFO will do.
  const { trigger } = here.queue.context.paths
  const [ended] = await Promise.all([
    here.fsq(['enqueue', '-f', trigger, 'q']),
    writeFile(trigger, 'through the pipe'), // Waits for its reader.
  ])
  check(t, ended)
  t.equal(readFileSync(onlyItem(here), 'utf8'), 'through the pipe')
})

t.test('a body that comes slowly is waited for', { buffered: true }, async (t) => {
  const here = await place(t)
  const { tmp } = here.queue.context.paths
  const started = here.start(['enqueue', 'q'], { input: { later: true } })
  started.write('first half, ')
  await eventually(() => entriesOf(tmp).some((name) => lstatSync(`${tmp}/${name}`).size > 0))
  t.strictSame(entriesOf(here.queue.context.paths.queue), [], 'half an item is none')
  started.write('second half')
  started.end()
  check(t, await started.ended)
  t.equal(readFileSync(onlyItem(here), 'utf8'), 'first half, second half')
})

t.test('-p prints the name, -v tells of it, without them all is quiet', async (t) => {
  const here = await place(t)
  check(t, await here.fsq(['enqueue', 'q', 'a']))
  const [name = ''] = entriesOf(here.queue.context.paths.queue)
  t.match(name, /^_[0-9]{14}_0_[0-9]+_.+_0_a$/)
  const verbose = await here.fsq(['enqueue', '-v', 'q'])
  check(t, verbose, { stderr: /^fsq enqueue: q: enqueued _[0-9]{14}_0_[0-9]+_.+_0\n$/ })
  t.equal(entriesOf(here.queue.context.paths.queue).length, 2)
})

t.test('the mode is exact, whatever the umask', { buffered: true }, async (t) => {
  for (const [words, env, mode] of [
    [[], {}, '640'],
    [['-m', '606'], { FSQ_ITEM_MODE: '600' }, '606'],
    [['--mode=0666'], {}, '666'],
    [[], { FSQ_ITEM_MODE: '604' }, '604'],
  ] as const) {
    const here = await place(t)
    const ended = underUmask(0o077, () => here.fsq(['enqueue', '-e', ...words, 'q'], { env }))
    check(t, await ended)
    t.equal(modeOf(onlyItem(here)), mode, `${words.join(' ')} ${JSON.stringify(env)}`)
  }
})

t.test('-u and -g give the item away', { buffered: true, skip: notRoot }, async (t) => {
  const env = { FSQ_ITEM_USER: '7', FSQ_ITEM_GROUP: '8' }
  for (const [words, variables, owner] of [
    [['-u', '12345', '-g', '12346'], env, [12345, 12346]],
    [['--user=daemon', '--group=daemon'], env, [1, 1]],
    [[], env, [7, 8]],
    [['-u', '12345'], { FSQ_ITEM_GROUP: '8' }, [12345, 8]],
  ] as const) {
    const here = await place(t)
    check(t, await here.fsq(['enqueue', '-e', ...words, 'q'], { env: variables }))
    const { uid, gid } = lstatSync(onlyItem(here))
    t.strictSame([uid, gid], owner, words.join(' '))
    t.equal(modeOf(onlyItem(here)), '640')
  }
})

t.test('an unknown user or group is bad usage, or a bad environment', async (t) => {
  const { fsq, queue } = await place(t)
  const [user, group, userVariable, groupVariable] = await Promise.all([
    fsq(['enqueue', '-u', 'no-such-user', 'q']),
    fsq(['enqueue', '-g', 'no-such-group', 'q']),
    fsq(['enqueue', 'q'], { env: { FSQ_ITEM_USER: 'no-such-user' } }),
    fsq(['enqueue', 'q'], { env: { FSQ_ITEM_GROUP: 'no-such-group' } }),
  ])
  check(t, user, { status: 100, stderr: /no such user: no-such-user\nusage: / })
  check(t, group, { status: 100, stderr: /no such group: no-such-group\nusage: / })
  check(t, userVariable, {
    status: 111,
    stderr: 'fsq enqueue: FSQ_ITEM_USER: no such user: no-such-user\n',
  })
  check(t, groupVariable, {
    status: 111,
    stderr: 'fsq enqueue: FSQ_ITEM_GROUP: no such group: no-such-group\n',
  })
  t.strictSame(contentsOf(queue), nothing)
})

t.test('-t pulls the trigger once the item is in', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const { trigger } = queue.context.paths
  check(t, await fsq(['enqueue', '-etp', 'q']), {
    stdout: /^_.*_0\n$/,
    stderr: 'fsq enqueue: enqueued, but q has no trigger ("fsq trigger q" makes it)\n',
  })
  await queue.trigger()
  check(t, await fsq(['enqueue', '-e', '--trigger', 'q']), {}, 'nobody listens')
  const fd = openSync(trigger, constants.O_RDWR | constants.O_NONBLOCK)
  const waiting = contentsOf(queue)
  check(t, await fsq(['enqueue', '-e', 'q']))
  t.throws(() => readSync(fd, Buffer.alloc(1)), { code: 'EAGAIN' }, 'without -t nobody is woken')
  check(t, await fsq(['enqueue', '-et', 'q']))
  t.equal(readSync(fd, Buffer.alloc(9)), 1, 'the listener got one byte')
  closeSync(fd)
  t.equal(waiting['queue']?.length, 2)
  t.equal(contentsOf(queue)['queue']?.length, 4, 'every item is in')
})

/** Arguments that quoting, splitting, escaping or a terminal could spoil. */
const difficult = [
  ['a b', ' ', '  leading', 'trailing ', '\t', 'new\nline', '\n', 'cr\rlf\r\n'],
  ['ünïcödé', '漢字', '🎉', 'e\u0301', '\u2028', '\u0001\u001b[31m\u007f', '\u0085'],
  ['/', '/etc/passwd', '..', '.', '../..', '%', '%5f', '%%', '%zz', '_', '__', 'a_b'],
  ['-x', '--', '--help', '-', "'", '"', '`id`', '$HOME', '$(id)', '\\', '*', '~', ';', '|', '&'],
  ['', 'x', '', ''],
  [''],
  [],
]

t.test('arguments come back as they were', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  for (const words of difficult) check(t, await fsq(['enqueue', '-e', 'q', ...words]))
  const each = await fsq(['scan', 'q', 'sh', '-c', `printf '%s\\0' "$#" "$@"`, 'sh'])
  check(t, each, { stdout: /^/ })
  const printed = nulSeparated(each.stdout)
  const items: string[][] = []
  while (printed.length > 0) items.push(printed.splice(0, Number(printed[0]) + 1).slice(1))
  // What several processes enqueue in one second has no order.
  const sorted = (lists: readonly (readonly string[])[]): string[] =>
    lists.map((words) => JSON.stringify(words)).sort()
  t.strictSame(sorted(items), sorted(difficult))
  t.equal(contentsOf(queue)['done']?.length, difficult.length)
})

t.test('arguments that are not UTF-8 are refused', { buffered: true }, async (t) => {
  const { env, queue } = await place(t)
  for (const word of ['\\377', 'caf\\351', '\\303']) {
    const ended = await startProgram('sh', ['-c', `fsq enqueue -e q "$(printf 'x${word}')"`], {
      env,
    }).ended
    check(t, ended, {
      status: 100,
      stderr: /^fsq: an argument is not UTF-8: "(x|xcaf)\ufffd"\nusage: /,
    })
  }
  t.strictSame(contentsOf(queue), nothing)
})

t.test('a body that cannot be read leaves nothing behind', { buffered: true }, async (t) => {
  const { fsq, queue, directory } = await place(t)
  mkdirSync(`${directory}/folder`)
  const [missing, folder, stdin] = await Promise.all([
    fsq(['enqueue', '-f', '/no/such/file', 'q']),
    fsq(['enqueue', '-f', `${directory}/folder`, 'q']),
    fsq(['enqueue', 'q'], { input: openSync(directory, 'r') }),
  ])
  check(t, missing, {
    status: 111,
    stderr: 'fsq enqueue: cannot read the body from /no/such/file: no such file or directory\n',
  })
  check(t, folder, {
    status: 111,
    stderr: `fsq enqueue: cannot read the body from ${directory}/folder: it is a directory\n`,
  })
  check(t, stdin, {
    status: 111,
    stderr: 'fsq enqueue: cannot read the body: it is a directory\n',
  })
  t.strictSame(contentsOf(queue), nothing)
})

t.test(
  'an enqueue that is interrupted leaves nothing in the queue',
  { buffered: true },
  async (t) => {
    const { start, queue } = await place(t)
    const started = start(['enqueue', 'q'], { input: { later: true } })
    started.write('half a body')
    await eventually(() => contentsOf(queue)['tmp']?.length === 1)
    started.kill('SIGTERM')
    check(t, await started.ended, { status: 'SIGTERM' })
    t.strictSame(contentsOf(queue)['queue'], [])
  },
)

t.test('many that enqueue at once each get a name', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const all = await Promise.all(Array.from({ length: 8 }, () => fsq(['enqueue', '-ep', 'q'])))
  const names = all.map(({ stdout }) => stdout.trim()).sort()
  t.strictSame(entriesOf(queue.context.paths.queue), names)
  t.equal(new Set(names).size, 8)
})

t.test('an item with a key is enqueued once', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const words = ['enqueue', '-v', '-p', '-e', '--id', 'order 7']
  const first = await fsq([...words, 'q', 'a'])
  const [id = ''] = entriesOf(queue.context.paths.queue)
  check(t, first, { stdout: `${id}\n`, stderr: `fsq enqueue: q: enqueued ${id}\n` })
  const there = { stdout: `${id}\n`, stderr: `fsq enqueue: q: there already: ${id}\n` }
  check(t, await fsq([...words, 'q', 'b']), there)
  check(t, await fsq([...words, '--on-duplicate=ignore', 'q', 'b']), there)
  check(t, await fsq([...words, '--on-duplicate=error', 'q', 'b']), {
    status: 111,
    stderr: `fsq enqueue: an item was enqueued to q under that id already: ${id}\n`,
  })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  const replaced = await fsq([...words, '--on-duplicate=replace', 'q', 'b'])
  const [other = ''] = entriesOf(queue.context.paths.queue)
  t.not(other, id)
  check(t, replaced, { stdout: `${other}\n`, stderr: `fsq enqueue: q: enqueued ${other}\n` })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [other] })
})

t.test('keys that are none, or say nothing', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  for (const [words, message] of [
    [['--id=', 'q'], /Expected --id to be text that is not empty/],
    [[`--id=${'k'.repeat(4097)}`, 'q'], /at most 4096 bytes, got 4097/],
    [['--id=a', '--on-duplicate=no', 'q'], /Allowed choices are ignore, error, replace/],
    [['--on-duplicate=error', 'q'], /says nothing without --id/],
    [['--batch', '--id=a', 'q'], /--batch takes arguments, bodies and ids from stdin/],
  ] as const)
    check(t, await fsq(['enqueue', ...words]), { status: 100, stderr: message }, words.join(' '))
  t.strictSame(contentsOf(queue), nothing)
})

t.test('--delay and --at give the item a time', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  const day = 24 * 60 * 60 * 1000
  const tomorrow = new Date(Date.now() + day)
  const clock = new Date(Date.now() - 60_000) // A minute ago, so that it comes next tomorrow.
  clock.setDate(clock.getDate() + 1)
  const two = (number: number): string => String(number).padStart(2, '0')
  const cases: Record<string, { words: string[]; time: number; within: number }> = {
    delay: { words: ['--delay', '10m'], time: Date.now() + 600_000, within: 30_000 },
    instant: { words: ['--at', tomorrow.toISOString()], time: tomorrow.getTime(), within: 1 },
    date: { words: ['--at', '2100-01-02'], time: new Date(2100, 0, 2).getTime(), within: 1 },
    local: {
      words: ['--at', '2100-01-02T03:04'],
      time: new Date(2100, 0, 2, 3, 4).getTime(),
      within: 1,
    },
    clock: {
      words: ['--at', `${two(clock.getHours())}:${two(clock.getMinutes())}`],
      time: clock.getTime(),
      within: 60_000,
    },
  }
  for (const [name, { words, time, within }] of Object.entries(cases)) {
    const queue = await root.install(name)
    check(t, await fsq(['enqueue', '-e', ...words, name]))
    const { mtimeMs } = lstatSync(onlyItem({ queue }))
    t.ok(Math.abs(mtimeMs - time) <= within, `${name}: ${mtimeMs - time}`)
  }
  for (const words of [
    ['--delay', '10'],
    ['--delay', 'soon'],
    ['--at', 'noon'],
    ['--at', '24:00'],
    ['--at', '12:60'],
    ['--at', '2100-13-01'],
    ['--at', '2100-11-31'],
    ['--delay', '999999999w'],
    ['--at', '01/02/2100'],
    ['--at', '18:00', '--delay', '1h'],
  ]) {
    const { status, stderr } = await fsq(['enqueue', '-e', ...words, 'q'])
    t.equal(status, 100, words.join(' '))
    t.match(stderr, /^fsq enqueue: .*(Expected a|exclude each other)/, words.join(' '))
  }
})

t.test('--delay counts from when the body is there', { buffered: true }, async (t) => {
  const { start, queue, root } = await place(t)
  const { paths } = queue.context
  const hour = 60 * 60 * 1000
  const one = start(['enqueue', '--delay', '1h', 'q'], { input: { later: true } })
  await eventually(() => entriesOf(paths.tmp).length === 1)
  const before = Date.now()
  one.end()
  check(t, await one.ended)
  t.ok(Math.round(lstatSync(onlyItem({ queue })).mtimeMs) >= before + hour, 'of one item')

  const many = await root.install('many')
  const batch = start(['enqueue', '--batch', '--delay', '1h', 'many'], { input: { later: true } })
  for (let line = 1; line <= 2; line++) {
    const written = Date.now()
    batch.write('{}\n')
    const { mtimeMs } = lstatSync(`${many.context.paths.queue}/${await batch.line()}`)
    t.ok(Math.round(mtimeMs) >= written + hour, `of line ${line} of a batch`)
  }
})
