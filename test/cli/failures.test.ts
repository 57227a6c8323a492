import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import t, { type Test } from 'tap'
import { cannotBeNobody, check, nobody, notRoot, type Place, place } from '../helpers/cli.js'
import { contentsOf, entriesOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

/** Mounts an empty file system of its own on a directory, until the test ends. */
function mount(t: Test, directory: string, size: string): void {
  const { status, stderr } = tryToMount(directory, size)
  t.equal(status, 0, `mounted: ${stderr.toString()}`)
  t.teardown(() => {
    unmount(directory)
  })
}

function tryToMount(directory: string, size: string): ReturnType<typeof spawnSync> {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'tmpfs', directory])
}

function unmount(directory: string): void {
  spawnSync('umount', ['-l', directory])
}

/** False where a file system can be mounted; otherwise why a test must be skipped. */
function whyNotMount(): string | false {
  if (notRoot !== false) return 'needs root, to mount a file system'
  const directory = mkdtempSync(`${tmpdir()}/fsq-`)
  const { status } = tryToMount(directory, '64k')
  if (status === 0) unmount(directory)
  rmdirSync(directory)
  return status === 0 ? false : 'this machine does not let us mount a file system'
}

const skipMount = whyNotMount()

/** A place whose root is on a small file system of its own. */
async function smallPlace(t: Test, size: string): Promise<Place> {
  const here = await place(t)
  await here.root.uninstall('q')
  mount(t, here.root.settings.root, size)
  await here.root.install('q')
  return here
}

const badEnvironment: readonly [variable: string, value: string, message: string][] = [
  ['FSQ_DELIMITER', '%%', 'Expected FSQ_DELIMITER to be exactly one ASCII character'],
  ['FSQ_DELIMITER', '', 'Expected FSQ_DELIMITER to be exactly one ASCII character'],
  ['FSQ_ENCODE', '_', 'FSQ_ENCODE'],
  ['FSQ_MAX_TRIES', 'abc', 'Expected FSQ_MAX_TRIES to be a whole number of tries'],
  ['FSQ_ITEM_MODE', '9', 'Expected FSQ_ITEM_MODE to be a file mode in octal'],
  ['FSQ_LOCK', 'yes', 'Expected FSQ_LOCK to be 0 or 1, got "yes"'],
  ['FSQ_QUEUE', 'a/b', 'Expected FSQ_QUEUE to be a name without /'],
  ['FSQ_CHARSET', 'nosuch', 'FSQ_CHARSET: unknown charset, or one without ASCII: nosuch'],
  ['FSQ_TIMEFMT', '%Q', 'FSQ_TIMEFMT: Expected a time format to have only %a'],
  ['FSQ_TIMEFMT', 'abc', 'FSQ_TIMEFMT: Expected a time format such as %Y%m%d%H%M%S, got "abc"'],
  ['FSQ_ITEM_USER', 'nosuch', 'FSQ_ITEM_USER: no such user: nosuch'],
  ['FSQ_ITEM_GROUP', 'nosuch', 'FSQ_ITEM_GROUP: no such group: nosuch'],
  ['FSQ_QUEUE', 'done', 'Expected FSQ_QUEUE and FSQ_DONE to differ, got "done" for each'],
  ['FSQ_ROOT', '', 'Expected FSQ_ROOT to be the path of a directory'],
]

t.test('a bad variable is named, and 111', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  for (const [variable, value, message] of badEnvironment) {
    const ended = await fsq(['enqueue', '-e', 'q', 'a'], { env: { [variable]: value } })
    check(t, ended, { status: 111, stderr: /^fsq enqueue: .*\n$/ }, `${variable}=${value}`)
    t.match(ended.stderr, message)
    t.ok(ended.stderr.includes(value))
  }
  for (const [variable, what] of [
    ['FSQ_QUEUE_USER', 'user'],
    ['FSQ_QUEUE_GROUP', 'group'],
    ['FSQ_ITEM_USER', 'user'],
  ] as const)
    for (const words of [
      ['install', 'x'],
      ['add-host', 'h', 'q'],
    ])
      check(t, await fsq(words, { env: { [variable]: 'nosuch' } }), {
        status: 111,
        stderr: `fsq ${words[0]}: ${variable}: no such ${what}: nosuch\n`,
      })
  const repair = await fsq(['repair', 'q'], { env: { FSQ_QUEUE_USER: 'nosuch' } })
  check(t, repair, { status: 111, stderr: 'fsq repair: FSQ_QUEUE_USER: no such user: nosuch\n' })
  t.strictSame(contentsOf(queue), nothing)
})

t.test('a time format without a time costs no item', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const id = await queue.enqueue('')
  const ended = await fsq(['scan', 'q', 'true'], { env: { FSQ_TIMEFMT: 'abc' } })
  check(t, ended, { status: 111, stderr: /^fsq scan: FSQ_TIMEFMT: [^\n]*\n$/ })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})

t.test('a name that is too long is refused, with its length', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const { stdout } = await fsq(['enqueue', '-ep', 'q', ''])
  const room = 255 - (stdout.length - 1)
  t.ok(room > 100)
  // A pid may have a digit more or less, so not to the byte.
  check(t, await fsq(['enqueue', '-e', 'q', 'a'.repeat(room - 3)]), {}, 'just short enough')
  for (const word of ['a'.repeat(room + 3), 'ü'.repeat(room / 2 + 3), '_'.repeat(room / 3 + 3)]) {
    const ended = await fsq(['enqueue', '-e', 'q', word])
    check(t, ended, { status: 111, stderr: /^fsq enqueue: .* 2[56][0-9] bytes .* 255: .* body\n$/ })
  }
  t.equal(contentsOf(queue)['queue']?.length, 2)
  t.strictSame(contentsOf(queue)['tmp'], [])
})

t.test(
  'a file of stat for which the disk is too full stays as it was',
  { skip: skipMount },
  async (t) => {
    const { fsq, root, directory } = await place(t)
    for (let i = 0; i < 20; i++) await root.install(`q${i}`) // What is told of them takes some pages.
    const full = `${directory}/full`
    mkdirSync(full)
    mount(t, full, '12k')
    writeFileSync(`${full}/fsq.prom`, 'old')
    writeFileSync(`${full}/other`, Buffer.alloc(4096)) // That leaves a page: the first write is cut short.
    const ended = await fsq(['stat', '--format=prometheus', '-o', `${full}/fsq.prom`])
    const stderr = /^fsq stat: cannot write .*\/fsq\.prom: no space is left on the disk\n$/
    check(t, ended, { status: 111, stderr })
    t.equal(readFileSync(`${full}/fsq.prom`, 'utf8'), 'old')
    t.strictSame(entriesOf(full), ['fsq.prom', 'other'])
  },
)

t.test('what is no queue is said to be none', { buffered: true }, async (t) => {
  const { fsq, root, directory } = await place(t)
  const { root: top } = root.settings
  writeFileSync(`${top}/file`, '')
  for (const path of ['half/queue', 'empty', 'home/letters', 'q/hosts/empty'])
    mkdirSync(`${top}/${path}`, { recursive: true })
  const cases: readonly [words: string[], message: string][] = [
    [['enqueue', 'nosuch'], `no such queue: nosuch (in ${top}; "fsq install" makes queues)`],
    [['enqueue', 'file'], `not a queue: ${top}/file is not a directory`],
    [['enqueue', 'half'], `not a whole queue: half has no directory ${top}/half/tmp`],
    ...['enqueue', 'audit', 'repair'].flatMap((command): [string[], string][] => [
      [
        [command, 'home'],
        `not a queue: ${top}/home has none of the directories of one; move it elsewhere`,
      ],
      [
        [command, 'empty'],
        'none of the directories of one; it is empty: "fsq install empty" makes',
      ],
      [[command, 'q/empty'], 'it is empty: "fsq add-host empty q" makes it one'],
    ]),
    [['enqueue', '../root/q'], '"../root/q"'],
    [['enqueue', ''], '""'],
    [
      ['-r', `${directory}/no`, 'enqueue', 'q'],
      `there is no directory ${directory}/no; "fsq install" makes it, FSQ_ROOT or -r names another`,
    ],
    [
      ['-r', `${top}/file`, 'enqueue', 'q'],
      `no such queue: q (${top}/file is not a directory; FSQ_ROOT or -r names another)`,
    ],
    [['down', 'file'], 'not a queue'],
    [['done', 'file', 'x'], 'not a queue'],
    [['uninstall', 'file'], 'not a queue'],
    [['ls', 'file'], 'not a queue'],
    [['prune', 'file'], 'not a queue'],
  ]
  for (const [words, message] of cases) {
    const ended = await fsq(words)
    check(t, ended, { status: 111, stderr: /^fsq [a-z]+: .*\n$/ }, words.join(' '))
    t.match(ended.stderr, message)
  }
  t.strictSame(entriesOf(top), ['empty', 'file', 'half', 'home', 'q'])
  t.strictSame(entriesOf(`${top}/half`), ['queue'])
  for (const words of [
    ['install', 'empty'],
    ['add-host', 'empty', 'q'],
    ['repair', 'half'],
  ])
    check(t, await fsq(words), { stdout: /^/ }, `${words.join(' ')} does it`)
  for (const name of ['empty', 'q/empty', 'half']) check(t, await fsq(['enqueue', '-e', name]), {})
  t.equal(lstatSync(`${top}/file`).size, 0)
})

const skipNobody = await cannotBeNobody()

t.test('without permission', { buffered: true, skip: skipNobody }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const { paths } = queue.context
  const id = await queue.enqueue('', [])
  const asNobody = (...words: string[]): ReturnType<typeof fsq> => fsq(words, { uid: nobody })
  const denied = 'permission denied'
  for (const path of [paths.directory, paths.tmp, paths.queue, paths.done, paths.fail])
    chmodSync(path, 0o755)
  check(
    t,
    await asNobody('enqueue', '-e', 'q'),
    {
      status: 111,
      stderr: `fsq enqueue: cannot enqueue to q: ${denied} (${paths.tmp})\n`,
    },
    'tmp/ is not ours to write to',
  )

  chmodSync(paths.tmp, 0o777)
  check(
    t,
    await asNobody('enqueue', '-e', 'q'),
    {
      status: 111,
      stderr: `fsq enqueue: cannot enqueue to q: ${denied} (${paths.tmp} to ${paths.queue})\n`,
    },
    'nor is queue/',
  )
  check(
    t,
    await asNobody('scan', 'q', 'echo', 'run'),
    {
      status: 111,
      stderr: `fsq scan: cannot use item ${id} of q: ${denied} (${paths.queue}/${id})\n`,
    },
    'an item that cannot be read is not run',
  )
  check(t, await asNobody('done', 'q', id), {
    status: 111,
    stderr: `fsq done: cannot open item ${id} of q: ${denied} (${paths.queue}/${id})\n`,
  })
  for (const command of ['down', 'trigger'])
    check(
      t,
      await asNobody(command, 'q'),
      { status: 111, stderr: new RegExp(`^fsq [a-z]+: .*: ${denied} \\(${paths.directory}\\)\n$`) },
      command,
    )
  chmodSync(`${paths.queue}/${id}`, 0o644)
  check(
    t,
    await asNobody('done', 'q', id),
    {
      status: 111,
      stderr: `fsq done: cannot finish item ${id} of q: ${denied} (${paths.queue}/${id} to ${paths.done})\n`,
    },
    'done/ is not ours either',
  )
  const other = await queue.enqueue('')
  chmodSync(`${paths.queue}/${other}`, 0o644)
  check(
    t,
    await asNobody('scan', 'q', 'echo', 'run'),
    {
      status: 111,
      stdout: 'run\n',
      stderr: `fsq scan: cannot finish item ${id} of q: ${denied} (${paths.queue}/${id} to ${paths.done})\n`,
    },
    'the second is not run, since it could not be finished either',
  )
  chmodSync(paths.queue, 0o700)
  check(t, await asNobody('scan', 'q', 'echo', 'run'), {
    status: 111,
    stderr: `fsq scan: cannot list q: ${denied} (${paths.queue})\n`,
  })
  chmodSync(paths.directory, 0o700)
  for (const words of [
    ['scan', 'q', 'echo'],
    ['ls', 'q'],
    ['enqueue', 'q'],
    ['up', 'q'],
  ])
    check(
      t,
      await asNobody(...words),
      { status: 111, stderr: new RegExp(`: ${denied} \\(${paths.directory}\\)\n$`) },
      words.join(' '),
    )
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id, other] }, 'nothing is left behind')
  t.strictSame(entriesOf(paths.directory), ['done', 'fail', 'queue', 'tmp'])
  t.strictSame(entriesOf(root.settings.root), ['q'])
})

t.test('what is not ours to give', { buffered: true, skip: skipNobody }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const { directory, tmp, queue: ready } = queue.context.paths
  for (const path of [root.settings.root, directory, tmp, ready]) chmodSync(path, 0o777)
  const why = 'only root may give it to that user or group'
  for (const [words, message] of [
    [['enqueue', '-e', '-u', 'root', 'q'], 'cannot enqueue to q'],
    [['enqueue', '-e', '-g', 'root', 'q'], 'cannot enqueue to q'],
    [['install', '-o', 'root', 'x'], 'cannot install x'],
    [['install', '-g', 'root', 'x'], 'cannot install x'],
    [['add-host', '-o', 'root', 'h', 'q'], 'cannot keep host queues of q'],
    [['down', '-u', 'root', 'q'], 'cannot take down q'],
    [['trigger', '-g', 'root', 'q'], 'cannot make the trigger of q'],
  ] as const)
    check(
      t,
      await fsq(words, { uid: nobody }),
      { status: 111, stderr: `fsq ${words[0]}: ${message}: ${why}\n` },
      words.join(' '),
    )
  t.strictSame(contentsOf(queue), nothing)
  t.strictSame(entriesOf(root.settings.root), ['q'])
})

t.test(
  'without permission for the default root',
  {
    buffered: true,
    skip: existsSync('/var/fsq') ? 'there is a /var/fsq here, to be left alone' : skipNobody,
  },
  async (t) => {
    const { start } = await place(t)
    const env = { FSQ_ROOT: '/var/fsq' }
    const ended = await start(['install', 'q'], { env, uid: nobody }).ended
    check(t, ended, {
      status: 111,
      stderr:
        'fsq install: cannot keep queues in /var/fsq: permission denied; ' +
        'name another directory with -r DIR, FSQ_ROOT or the option root\n',
    })
    t.notOk(existsSync('/var/fsq'))
  },
)

t.test('a full disk', { buffered: true, skip: skipMount }, async (t) => {
  const { fsq, queue, root } = await smallPlace(t, '256k')
  const input = Buffer.alloc(1_000_000)
  const full = 'no space is left on the disk'
  check(t, await fsq(['enqueue', 'q'], { input }), {
    status: 111,
    stderr: `fsq enqueue: cannot enqueue to q: ${full}\n`,
  })
  t.strictSame(contentsOf(queue), nothing, 'nothing is left of it')
  const batch = `{}\n${JSON.stringify({ body: 'x'.repeat(1_000_000) })}\n`
  const ended = await fsq(['enqueue', '--batch', 'q'], { input: batch })
  check(t, ended, { status: 111, stdout: /^_.*\n\n$/, stderr: /line 2: .*no space is left/ })
  check(t, await fsq(['scan', 'q', 'true']), {}, 'what is there can be worked on')
  t.equal(contentsOf(queue)['done']?.length, 1)
  t.strictSame(contentsOf(queue)['tmp'], [])
  t.strictSame(entriesOf(root.settings.root), ['q'])
})

t.test('a read-only file system', { buffered: true, skip: skipMount }, async (t) => {
  const { fsq, queue, root } = await smallPlace(t, '1m')
  const id = await queue.enqueue('body')
  const other = await queue.enqueue('body')
  const remounted = spawnSync('mount', ['-o', 'remount,ro', root.settings.root])
  t.equal(remounted.status, 0, String(remounted.stderr))
  const readOnly = 'the file system is mounted read-only'
  for (const [words, message] of [
    [['enqueue', '-e', 'q'], 'cannot enqueue to q'],
    [['install', 'x'], 'cannot keep queues in'],
    [['uninstall', '-f', 'q'], 'q'],
    [['down', 'q'], 'cannot take down q'],
    [['trigger', 'q'], 'cannot make the trigger of q'],
    [['done', 'q', id], `cannot finish item ${id} of q`],
    [['scan', 'q', 'true'], `cannot finish item ${id} of q`],
  ] as const) {
    const ended = await fsq(words)
    check(t, ended, { status: 111, stderr: /^fsq [a-z]+: .*\n$/ }, words.join(' '))
    t.match(ended.stderr, message)
    t.match(ended.stderr, readOnly)
  }
  check(t, await fsq(['ls', 'q']), { stdout: `${id}\n${other}\n` }, 'but it can be read')
  check(t, await fsq(['scan', '-D', 'q', 'cat']), { stdout: 'bodybody' }, 'and run with -D')
  const ended = await fsq(['scan', 'q', 'cat'])
  t.equal(ended.stdout, 'body', 'the second is not run, since it could not be finished either')
})

t.test('tmp/ on another file system', { buffered: true, skip: skipMount }, async (t) => {
  const { fsq, queue } = await place(t)
  mount(t, queue.context.paths.tmp, '1m')
  check(t, await fsq(['enqueue', '-e', 'q']), {
    status: 111,
    stderr: 'fsq enqueue: cannot enqueue to q: the directories are on different file systems\n',
  })
  t.strictSame(contentsOf(queue), nothing)
})

t.test('done/ on another file system', { buffered: true, skip: skipMount }, async (t) => {
  const { fsq, queue } = await place(t)
  const id = await queue.enqueue('')
  mount(t, queue.context.paths.done, '1m')
  check(t, await fsq(['scan', 'q', 'true']), {
    status: 111,
    stderr: `fsq scan: cannot finish item ${id} of q: the directories are on different file systems\n`,
  })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
})
