import { spawnSync } from 'node:child_process'
import { chmodSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import t from 'tap'
import { check, type Expected, place } from '../helpers/cli.js'
import { contentsOf, entriesOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

/** The names with so many more tries spent. */
function withTries(names: readonly string[], tries: number): string[] {
  return names.map((name) => name.replace(/_0(_[^_]*)?$/, `_${tries}$1`))
}

interface ExitCase {
  readonly flags: string[]
  readonly env?: Record<string, string>
  /** By exit status, which is the argument of each item, where the item goes. */
  readonly states: Readonly<Record<string, 'done' | 'queue' | 'fail'>>
}

const exitCases: readonly ExitCase[] = [
  {
    flags: ['-m', '2'],
    states: { 0: 'done', 111: 'queue', 100: 'fail', 1: 'fail', 127: 'fail', 255: 'fail' },
  },
  {
    // What a shell makes of SIGHUP, SIGINT and SIGTERM, here without any such signal.
    flags: [],
    states: { 129: 'fail', 130: 'fail', 143: 'fail', 0: 'done' },
  },
  { flags: [], states: { 0: 'done', 111: 'fail', 100: 'fail', 1: 'fail' } },
  {
    flags: ['-m', '9', '-S', '3', '--fail-tmp-code=4', '-F5'],
    states: { 3: 'done', 4: 'queue', 5: 'fail', 0: 'fail', 111: 'fail', 100: 'fail' },
  },
  {
    flags: [],
    env: { FSQ_SUCCESS: '3', FSQ_FAIL_TMP: '4', FSQ_FAIL_PERM: '5', FSQ_MAX_TRIES: '2' },
    states: { 3: 'done', 4: 'queue', 5: 'fail', 0: 'fail' },
  },
  {
    flags: ['-S', '6', '-T', '7', '-m', '0'],
    env: { FSQ_SUCCESS: '3', FSQ_FAIL_TMP: '4', FSQ_MAX_TRIES: '1' },
    states: { 6: 'done', 7: 'queue', 3: 'fail', 4: 'fail' },
  },
]

t.test('the exit status of the program says what becomes of the item', async (t) => {
  for (const { flags, env = {}, states } of exitCases) {
    const { fsq, queue } = await place(t)
    for (const code of Object.keys(states)) await queue.enqueue('', [code])
    const ended = await fsq(['scan', ...flags, 'q', 'sh', '-c', 'exit "$1"', 'sh'], { env })
    const name = `${JSON.stringify(env)} ${flags.join(' ')}`
    t.equal(ended.status, 0, name)
    t.equal(ended.stdout, '', name)
    const contents = contentsOf(queue)
    for (const state of ['done', 'queue', 'fail'] as const) {
      const codes = contents[state]?.map((id) => id.split('_').pop()).sort()
      const wanted = Object.keys(states).filter((code) => states[code] === state)
      t.strictSame(codes, wanted.sort(), `${name}: in ${state}/`)
    }
    t.ok(
      contents['queue']?.every((id) => /_1_[0-9]+$/.test(id)),
      'retried: one try is spent',
    )
    t.ok(
      contents['done']?.every((id) => /_0_[0-9]+$/.test(id)),
      'done: under its old name',
    )
  }
})

t.test('scan says on stderr what failed, with -v everything', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const [good = '', tmp = '', perm = ''] = await Promise.all(
    ['0', '111', '100'].map((code) => queue.enqueue('', [code])),
  )
  const program = ['sh', '-c', 'echo "says $1"; echo to stderr >&2; exit "$1"', 'sh']
  check(t, await fsq(['scan', '-v', '-m2', 'q', ...program]), {
    stdout: 'says 0\nsays 111\nsays 100\n',
    stderr: [
      `fsq scan: working on ${good} ...\nto stderr\nfsq scan: ${good}: succeeded\n`,
      `fsq scan: working on ${tmp} ...\nto stderr\nfsq scan: ${tmp}: failed temporarily\n`,
      `fsq scan: working on ${perm} ...\nto stderr\nfsq scan: ${perm}: failed permanently\n`,
    ].join(''),
  })
  const [retried = ''] = withTries([tmp], 1)
  check(t, await fsq(['scan', '-m2', 'q', 'sh', '-c', 'exit 111']), {
    stderr: `fsq scan: Max tries exceeded: 2 (2) for item ${retried}; failed permanently\n`,
  })
})

t.test('an item that has used up its tries is not run', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const id = await queue.enqueue('')
  const item = await queue.claim(id)
  const { id: retried } = await item.failTmp({ maxTries: 0 })
  for (const [flags, env] of [
    [['-m', '0'], { FSQ_MAX_TRIES: '1' }],
    [['--max-tries=2'], {}],
    [[], { FSQ_MAX_TRIES: '2' }],
  ] as const)
    check(t, await fsq(['scan', '-D', ...flags, 'q', 'echo', 'run'], { env }), { stdout: 'run\n' })
  check(t, await fsq(['scan', 'q', 'echo', 'run']), {
    stderr: `fsq scan: Max tries exceeded: 1 (1) for item ${retried}; failed permanently\n`,
  })
  t.strictSame(contentsOf(queue), { ...nothing, fail: [retried] })
})

t.test('an item that is too old is not run, a younger one is', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const enqueuedAt = new Date(Date.now() - 100_000)
  const old = await queue.enqueue('', ['old'], { enqueuedAt })
  const young = await queue.enqueue('', ['young'])
  check(t, await fsq(['scan', '-D', '-t', '500', 'q', 'echo'], { env: { FSQ_TTL: '1' } }), {
    stdout: 'old\nyoung\n',
  })
  check(t, await fsq(['scan', '-D', '--ttl=0', 'q', 'echo'], { env: { FSQ_TTL: '1' } }), {
    stdout: 'old\nyoung\n',
  })
  check(t, await fsq(['scan', 'q', 'echo'], { env: { FSQ_TTL: '50' } }), {
    stdout: 'young\n',
    stderr: `fsq scan: TTL expired: 50 for item ${old}; failed permanently\n`,
  })
  t.strictSame(contentsOf(queue), { ...nothing, done: [young], fail: [old] })
})

t.test(
  'a program that is killed fails its item and ends the scan',
  { buffered: true },
  async (t) => {
    for (const [signal, flags, env, status] of [
      ['KILL', [], {}, 111],
      ['TERM', ['-T', '42'], { FSQ_FAIL_TMP: '43' }, 42],
      ['INT', [], { FSQ_FAIL_TMP: '43' }, 43],
      ['HUP', [], {}, 111],
    ] as const) {
      const { fsq, queue } = await place(t)
      const first = await queue.enqueue('')
      const second = await queue.enqueue('')
      const ended = await fsq(['scan', ...flags, 'q', 'sh', '-c', `echo run; kill -${signal} $$`], {
        env,
      })
      const why = `processing terminated by signal SIG${signal}; aborting`
      check(t, ended, { status, stdout: 'run\n', stderr: `fsq scan: ${first}: ${why}\n` })
      t.strictSame(contentsOf(queue), { ...nothing, queue: [second], fail: [first] })
    }
  },
)

t.test('a queue that is down is not scanned', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const id = await queue.enqueue('')
  await queue.down()
  check(t, await fsq(['scan', 'q', 'echo', 'run']), {
    status: 111,
    stderr: 'fsq scan: q is down\n',
  })
  check(t, await fsq(['scan', '-T', '42', 'q', 'echo', 'run']), {
    status: 42,
    stderr: 'fsq scan: q is down\n',
  })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  const empty = await root.install('empty', { down: true })
  check(t, await fsq(['scan', empty.name, 'echo', 'run']), {
    status: 111,
    stderr: 'fsq scan: empty is down\n',
  })
  check(t, await fsq(['scan', '--ignore-down', 'q', 'echo', 'run']), { stdout: 'run\n' }, '-i')
  t.strictSame(contentsOf(queue), { ...nothing, done: [id] })
})

t.test('a queue that goes down is scanned no further', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const [first = '', ...others] = await Promise.all([1, 2, 3].map(() => queue.enqueue('')))
  const ended = await fsq(['scan', 'q', 'sh', '-c', 'echo run; exec fsq down q'])
  check(t, ended, { status: 111, stdout: 'run\n', stderr: 'fsq scan: q is down\n' })
  t.strictSame(contentsOf(queue), { ...nothing, queue: others.sort(), done: [first] })
})

t.test('a program that cannot be run is a temporary failure', { buffered: true }, async (t) => {
  const plain = (directory: string): string => `${directory}/not-executable`
  const script = (directory: string): string => `${directory}/script`
  const cases: [program: (directory: string) => string, why: string][] = [
    [() => 'no-such-program', 'no such file or directory'],
    [() => 'echo run; touch file', 'no such file or directory'],
    [plain, 'permission denied'],
    [(directory) => directory, 'permission denied'],
    [script, 'the interpreter that its first line names is not there'],
  ]
  for (const [programIn, why] of cases) {
    const { fsq, queue, directory } = await place(t)
    const program = programIn(directory)
    writeFileSync(plain(directory), '#!/bin/sh\necho run\n')
    chmodSync(plain(directory), 0o644)
    writeFileSync(script(directory), '#!/bin/sh\r\necho run\r\n', { mode: 0o755 })
    const id = await queue.enqueue('')
    check(t, await fsq(['scan', '-m2', 'q', program]), {
      stderr: `fsq scan: ${id}: cannot run ${program}: ${why}\nfsq scan: ${id}: failed temporarily\n`,
    })
    t.strictSame(contentsOf(queue), { ...nothing, queue: withTries([id], 1) })
  }
})

t.test('flags behind the queue fail no item', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const id = await queue.enqueue('')
  check(t, await fsq(['scan', 'q', '-m', '5', 'true']), {
    status: 100,
    stderr: /^fsq scan: there is no program -m; flags come before the queue\n/,
  })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})

t.test('-k runs the arguments of each item', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const good = await queue.enqueue('body', ['cat', '-'])
  const empty = await queue.enqueue('')
  const bad = await queue.enqueue('', ['sh', '-c', 'exit 100'])
  const nul = await queue.enqueue('', ['echo', 'a\0b'])
  const ended = await fsq(['scan', '-k', '-m2', 'q'])
  t.equal(ended.status, 0)
  t.equal(ended.stdout, 'body')
  const lines = ended.stderr.trim().split('\n')
  t.match(lines[0], `${empty}: cannot run item: the item has no arguments`)
  t.equal(lines[1], `fsq scan: ${empty}: failed temporarily`)
  t.equal(lines[2], `fsq scan: ${bad}: failed permanently`)
  t.match(lines[3], `${nul}: cannot run echo:`)
  t.equal(lines[4], `fsq scan: ${nul}: failed permanently`)
  t.strictSame(contentsOf(queue), {
    ...nothing,
    queue: withTries([empty], 1),
    done: [good],
    fail: [bad, nul].sort(),
  })
  const id = await queue.enqueue('', ['a'])
  check(
    t,
    await fsq(['scan', '-k', '-m9', 'q', 'echo']),
    { stdout: /^(\n)?a\n(\n)?$/ },
    'a program',
  )
  t.ok(contentsOf(queue)['done']?.includes(id))
})

/** Tells what somebody else's claim of the item says, while the program runs. */
const claimAgain = 'cat; fsq fail q "$FSQ_ITEM_ID" </dev/null 3<&- 2>/dev/null; echo $?'

const openCases: readonly [flags: string[], env: Record<string, string>, stdout: string][] = [
  [[], {}, 'body111\n'],
  [['--no-open'], {}, '111\n'],
  [['--no-lock'], { FSQ_LOCK: '1' }, 'body0\n'],
  [[], { FSQ_LOCK: '0' }, 'body0\n'],
  [['-l'], { FSQ_LOCK: '0' }, 'body111\n'],
]

t.test('-n leaves stdin empty, -L the item unlocked', { buffered: true }, async (t) => {
  for (const [flags, env, stdout] of openCases) {
    const { fsq, queue } = await place(t)
    const id = await queue.enqueue('body')
    const ended = await fsq(['scan', '-D', ...flags, 'q', 'sh', '-c', claimAgain], { env })
    check(t, ended, { stdout }, `${JSON.stringify(env)} ${flags.join(' ')}`)
    const state = stdout.endsWith('111\n') ? 'queue' : 'fail'
    t.strictSame(contentsOf(queue), { ...nothing, [state]: [id] })
  }
})

t.test('-D leaves every item as it is, and runs each once', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const codes = ['0', '1', '100', '111']
  const ids = await Promise.all(codes.map((code) => queue.enqueue('', [code])))
  for (const flag of ['-D', '--no-done']) {
    check(t, await fsq(['scan', flag, 'q', 'sh', '-c', 'echo "$1"; exit "$1"', 'sh']), {
      stdout: `${codes.join('\n')}\n`,
    })
    t.strictSame(contentsOf(queue), { ...nothing, queue: [...ids].sort() })
  }
  const killed = await fsq(['scan', '-D', 'q', 'sh', '-c', 'kill -KILL $$'])
  t.equal(killed.status, 111)
  const missing = await fsq(['scan', '-D', 'q', 'no-such-program'])
  t.equal(missing.status, 0)
  t.match(missing.stderr, 'cannot run no-such-program')
  t.strictSame(contentsOf(queue), { ...nothing, queue: [...ids].sort() })
})

t.test('with -n the program holds the lock as descriptor 3', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const id = await queue.enqueue('body')
  const text = 'readlink /proc/$$/fd/3; fsq done q "$FSQ_ITEM_ID"'
  check(t, await fsq(['scan', '-n', '-D', 'q', 'sh', '-c', text]), {
    stdout: `${queue.context.paths.queue}/${id}\n`,
  })
  t.strictSame(contentsOf(queue), { ...nothing, done: [id] })
})

/** What a program under -D does to its item, and where that leaves it. */
const ownLock: readonly [text: string, state: string, tries: number, expected: Expected][] = [
  ['fsq done q "$FSQ_ITEM_ID"', 'done', 0, {}],
  ['echo "$FSQ_ITEM_ID" | fsq done q -', 'queue', 0, { stderr: /somebody is working on item/ }],
  ['fsq fail q "$FSQ_ITEM_ID"', 'fail', 0, {}],
  ['fsq retry -m 0 q "$FSQ_ITEM_ID"', 'queue', 1, {}],
  [
    'item=$(fsq path q "$FSQ_ITEM_ID"); fsq done q "$FSQ_ITEM_ID" <"$item"',
    'queue',
    0,
    { stderr: /^fsq done: somebody is working on item .*; it is locked\n$/ },
  ],
  [
    'fsq done q "$FSQ_ITEM_ID" </dev/null',
    'queue',
    0,
    { stderr: /^fsq done: somebody is working on item .*; it is locked\n$/ },
  ],
  ['fsq done q "$FSQ_ITEM_ID" <&-', 'queue', 0, { stderr: /somebody is working on item/ }],
]

t.test('under -D the program finishes its item by the lock in its stdin', async (t) => {
  await Promise.all(
    ownLock.map(async ([text, state, tries, expected]) => {
      const { fsq, queue } = await place(t)
      const id = await queue.enqueue('body')
      check(t, await fsq(['scan', '-D', 'q', 'sh', '-c', text]), expected, text)
      t.strictSame(contentsOf(queue), { ...nothing, [state]: withTries([id], tries) }, text)
    }),
  )
})

t.test(
  'without -D, scan says that the program finished the item',
  { buffered: true },
  async (t) => {
    const { fsq, queue } = await place(t)
    const ids = await Promise.all([1, 2].map(() => queue.enqueue('body')))
    const ended = await fsq(['scan', 'q', 'sh', '-c', 'exec fsq fail q "$FSQ_ITEM_ID"'])
    check(t, ended, {
      status: 111,
      stderr: ids.map((id) => `fsq scan: item ${id} is no longer in the queue q\n`).join(''),
    })
    t.strictSame(contentsOf(queue), { ...nothing, fail: [...ids].sort() })
  },
)

t.test('-r runs no more programs a second than it says', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  for (let i = 0; i < 4; i++) await queue.enqueue('')
  const ended = await fsq(['scan', '-r', '10', 'q', 'date', '+%s%N'])
  check(t, ended, { stdout: /^([0-9]+\n){4}$/ })
  const times = ended.stdout
    .trim()
    .split('\n')
    .map((text) => Number(text) / 1e6)
  // From one start to the next the program itself may take longer or shorter, from first to last
  // it evens out.
  t.ok(
    (times[3] ?? 0) - (times[0] ?? 0) > 200,
    `three times 100 ms, but for a start: ${times.join(' ')}`,
  )
})

t.test('a queue is listed once, so that no item is run twice', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const id = await queue.enqueue('', ['first'])
  const ended = await fsq([
    ...['scan', '-m', '0', 'q', 'sh', '-c'],
    'echo "$1"; fsq enqueue -e q second; exit 111',
    'sh',
  ])
  check(t, ended, { stdout: 'first\n', stderr: `fsq scan: ${id}: failed temporarily\n` })
  t.equal(contentsOf(queue)['queue']?.length, 2)
})

t.test('items are run in the order of enqueueing', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const now = new Date()
  const earlier = new Date(now.getTime() - 5000)
  for (const [name, entropy, enqueuedAt, delimiter] of [
    ['4', 10, now, '_'],
    ['3', 2, now, '~'],
    ['2', 100, earlier, '.'],
    ['1', 99, earlier, '_'],
  ] as const) {
    await queue.enqueue('', [name], { entropy, enqueuedAt, delimiter })
  }
  check(t, await fsq(['scan', 'q', 'echo']), { stdout: '1\n2\n3\n4\n' })
})

const malformedNames = [
  'no-delimiter-at-the-right-place',
  '_20120710213904_0_1_host',
  '_20120710213904_0_1_host_x',
  '_20120710213904_0_1_host_-1',
  '_not-a-time_0_1_host_0',
  '_20120710213904_0_1_host_0_%zz',
  '_20120710213904_0_1_host_0_%5',
  '_20120710213904_0_1_host_0_\u001b[2J',
]

t.test(
  'what is no item goes to fail/ and is reported, never run',
  { buffered: true },
  async (t) => {
    const { fsq, queue, directory } = await place(t)
    const { paths } = queue.context
    const secret = `${directory}/secret`
    const name = (what: string): string => `_20120710213904_0_1_host_0_${what}`
    writeFileSync(secret, 'secret')
    for (const entry of malformedNames.slice(0, -1)) writeFileSync(`${paths.queue}/${entry}`, 'x')
    const bytes = Buffer.concat([Buffer.from(`${paths.queue}/${name('caf')}`), Buffer.of(0xe9)])
    writeFileSync(bytes, 'x')
    mkdirSync(`${paths.queue}/${name('directory')}`)
    writeFileSync(`${paths.queue}/${name('directory')}/file`, 'kept')
    symlinkSync(secret, `${paths.queue}/${name('link')}`)
    symlinkSync('/nonexistent', `${paths.queue}/${name('dangling')}`)
    t.equal(spawnSync('mkfifo', [`${paths.queue}/${name('fifo')}`]).status, 0)
    const server = createServer().listen(`${paths.queue}/${name('socket')}`)
    await new Promise((resolve) => server.once('listening', resolve))
    for (const hidden of ['.nfs0000000000001', '.item.swp'])
      writeFileSync(`${paths.queue}/${hidden}`, '')
    const id = await queue.enqueue('', ['good'])

    const kinds = ['directory', 'link', 'dangling', 'fifo', 'socket'].map(name)
    const ended = await fsq(['scan', 'q', 'sh', '-c', 'echo "run $*"; cat', 'sh'])
    server.close()
    check(t, ended, {
      stdout: 'run good\n',
      stderr: /^(fsq scan: .*: malformed \(.*\); failed permanently\n){13}$/,
    })
    for (const entry of [...malformedNames.slice(0, -1), ...kinds, name('caf\\xe9')])
      t.match(ended.stderr, `fsq scan: ${entry}: malformed (`)
    t.strictSame(
      entriesOf(paths.fail),
      [...malformedNames.slice(0, -1), ...kinds, name('caf\ufffd')].sort(),
    )
    t.strictSame(entriesOf(paths.queue), ['.item.swp', '.nfs0000000000001'], 'hidden files stay')
    t.strictSame(entriesOf(paths.done), [id])
    t.equal(readFileSync(secret, 'utf8'), 'secret')
    t.ok(
      lstatSync(`${paths.fail}/${name('link')}`).isSymbolicLink(),
      'a link is moved, not followed',
    )
    t.ok(lstatSync(`${paths.fail}/${name('fifo')}`).isFIFO())
    t.strictSame(entriesOf(`${paths.fail}/${name('directory')}`), ['file'])
  },
)

t.test(
  'a name that could steer a terminal is written as an escape',
  { buffered: true },
  async (t) => {
    const { fsq, queue } = await place(t)
    writeFileSync(`${queue.context.paths.queue}/${malformedNames.at(-1) ?? ''}_\u001b[1m_%`, '')
    const ended = await fsq(['scan', 'q', 'echo'])
    check(t, ended, { stderr: /^fsq scan: _.*_\\x1b\[2J_\\x1b\[1m_%: malformed .*\n$/ })
  },
)

t.test('without such a queue nothing is run', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  const { root: top } = root.settings
  writeFileSync(`${top}/file`, '')
  check(t, await fsq(['scan', 'nosuch', 'echo', 'run']), {
    status: 111,
    stderr: `fsq scan: no such queue: nosuch (in ${top}; "fsq install" makes queues)\n`,
  })
  check(t, await fsq(['scan', 'file', 'echo', 'run']), {
    status: 111,
    stderr: `fsq scan: not a queue: ${top}/file is not a directory\n`,
  })
})
