import { readFileSync } from 'node:fs'
import t from 'tap'
import { check, forEachOf, place, startProgram } from '../helpers/cli.js'
import { allCommands } from '../helpers/commands.js'
import { contentsOf, entriesOf } from '../helpers/temporary.js'

t.jobs = 4

/** A variable that must lose against its flag. */
const wrong = {
  FSQ_QUEUE: 'wrong-queue',
  FSQ_TMP: 'wrong-tmp',
  FSQ_DONE: 'wrong-done',
  FSQ_DOWN: 'wrong-down',
  FSQ_TRIGGER: 'wrong-trigger',
}

t.test('every global flag overrides its variable', { buffered: true }, async (t) => {
  const { fsq, directory } = await place(t)
  const flags = {
    short: (root: string) => ['-r', root, '-qQ', '-t', 'T', '-d', 'D', '-D', 'off', '-T', 'bell'],
    long: (root: string) => [
      ...['--root-dir', root, '--queue-dir', 'Q', '--tmp-dir=T', '--done-dir=D'],
      ...['--down-file', 'off', '--trigger-fifo=bell'],
    ],
  }
  await Promise.all(
    Object.entries(flags).map(async ([kind, words]) => {
      const root = `${directory}/${kind}`
      const ended = await fsq([...words(root), 'install', '-d', '-t', 'x'], {
        env: { ...wrong, FSQ_ROOT: `${directory}/wrong` },
      })
      check(t, ended, {}, kind)
      t.strictSame(entriesOf(`${root}/x`), ['D', 'Q', 'T', 'bell', 'fail', 'off'], kind)
    }),
  )
  t.notOk(entriesOf(directory).includes('wrong'), 'the variable FSQ_ROOT lost')
})

t.test('without flags the variables count', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  check(t, await fsq(['install', '-d', '-t', 'x'], { env: { ...wrong, FSQ_FAIL: 'wrong-fail' } }))
  const names = [...Object.values(wrong), 'wrong-fail'].sort()
  t.strictSame(entriesOf(`${root.settings.root}/x`), names)
})

t.test('--charset overrides FSQ_CHARSET', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  for (const flag of [['-clatin1'], ['--charset=l1']]) {
    const ended = await fsq([...flag, 'enqueue', '-ep', 'q', 'é'], {
      env: { FSQ_CHARSET: 'ascii' },
    })
    t.equal(ended.status, 0, flag.join(' '))
    t.match(ended.stdout, /_é\n$/)
  }
  const names = entriesOf(queue.context.paths.queue)
  t.equal(names.length, 2)
  t.ok(
    names.every((name) => name.endsWith('_\ufffd')),
    'the names on disk are Latin-1, not UTF-8',
  )
})

t.test('flags end at the first operand', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const program = ['sh', '-c', 'echo "$@"', 'sh', '-v', '--help', '--', '-x']
  await queue.enqueue('', ['-D', '--no-done'])
  const [argument, scanned, path] = await Promise.all([
    fsq(['enqueue', '-ep', 'q', '-h', '--', '-e', '--print']),
    fsq(['scan', 'q', ...program], { env: {} }),
    fsq(['--', 'path', '--', 'q']),
  ])
  t.equal(argument.status, 0)
  t.match(argument.stdout, /_0_-h_--_-e_--print\n$/, 'behind the queue all words are arguments')
  t.match(scanned.stdout, /^-v --help -- -x -D --no-done$/m, 'or belong to the program')
  check(t, path, { stdout: `${root.settings.root}/q\n` }, '-- ends them too')
})

t.test('a name that begins with a dash is behind a --', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  await root.install('other')
  const id = await queue.enqueue('body', ['x'], { delimiter: '-' })
  const commands: readonly (readonly string[])[] = [
    ['show', '--body', 'q'],
    ['mv', 'q', 'other'],
    ['mv', '-v', 'other', 'q'],
    ['fail', 'q'],
    ['requeue', 'q'],
    ['done', 'q'],
  ]
  for (const words of commands) {
    const [name = ''] = words
    const taken = name === 'fail' || name === 'done' // Their flags end at the first operand.
    if (!taken)
      check(t, await fsq([...words, id]), {
        status: 100,
        stderr: new RegExp(
          `unknown option '${id}'; "--" before it makes it an operand\nusage: .*\n$`,
        ),
      })
    const ended = await fsq([...words, ...(taken ? [] : ['--']), id])
    t.equal(ended.status, 0, `${words.join(' ')}: ${ended.stderr}`)
  }
  t.strictSame(contentsOf(queue)['done'], [id])
})

t.test('short flags may be combined, with the value of the last', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const ended = await fsq(['enqueue', '-vepm600', 'q', 'a'])
  const [name] = entriesOf(queue.context.paths.queue)
  check(t, ended, { stdout: `${name}\n`, stderr: `fsq enqueue: q: enqueued ${name}\n` })
})

t.test('-h prints the usage to stdout, for every command', { buffered: true }, async (t) => {
  const { fsq } = await place(t)
  const all = await allCommands()
  await forEachOf(all, async ({ name }) => {
    const ended = await fsq([...name.split(' '), '-h'])
    check(t, ended, { stdout: new RegExp(`^Usage: fsq ${name} \\[flags\\].*\n(.*\n)+$`) }, name)
    t.match(ended.stdout, '-v, --verbose')
  })
  const [short, long, help, scan, scanHelp] = await Promise.all([
    fsq(['-h']),
    fsq(['--help']),
    fsq(['help']),
    fsq(['scan', '--help']),
    fsq(['help', 'scan']),
  ])
  check(t, short, { stdout: /^Usage: fsq \[flags\] command \[args\.\.\.\]\n(.*\n)+$/ })
  check(t, long, { stdout: short.stdout }, '--help')
  check(t, help, { stdout: short.stdout }, 'fsq help')
  check(t, scan, { stdout: /^Usage: fsq scan \[flags\] queue program \[arg\.\.\.\]\n(.*\n)+$/ })
  check(t, scanHelp, { stdout: scan.stdout }, 'fsq help scan')
  const group = await fsq(['ftpcluster', '-h'])
  const usage =
    /^Usage: fsq ftpcluster \[flags\] command \[arg\.\.\.\]\n(.*\n)+queue +print, (.*\n)+$/
  check(t, group, { stdout: usage }, 'a group has its commands')
  check(t, await fsq(['help', 'ftpcluster']), { stdout: group.stdout })
  const inner = await fsq(['help', 'ftpcluster', 'queue'])
  check(t, inner, { stdout: /^Usage: fsq ftpcluster queue \[flags\] \[type\]\n/ })
})

t.test('--version prints the version of the package', { buffered: true }, async (t) => {
  const { fsq } = await place(t)
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  for (const flag of ['--version', '-V'])
    check(t, await fsq([flag]), { stdout: `fsq ${version}\n` }, flag)
})

const misuse: readonly [words: readonly string[], message: RegExp][] = [
  [[], /no command given/],
  [['nosuch'], /command not found: nosuch \(try fsq --list\)/],
  [['help', 'nosuch'], /command not found: nosuch/],
  [['enqeue', 'q'], /command not found: enqeue; did you mean enqueue\? \(try fsq --list\)$/],
  [['help', 'path2'], /command not found: path2; did you mean path\? /],
  [['SCAN'], /command not found: SCAN; did you mean scan\? /],
  [['--nosuch', 'ls'], /unknown option '--nosuch'/],
  [['-r'], /argument missing/],
  [['-c', 'nosuch', 'ls'], /unknown charset.*nosuch/],
  [['-c', 'utf16', 'ls'], /without ASCII: utf16/],
  [['-r', '', 'ls'], /Expected the path of a directory, got ""/],
  [['-q', 'done', 'ls'], /Expected queueDir and FSQ_DONE to differ, got "done" for each/],
  [['-q', 'a/b', 'ls'], /Expected a name without \/.*"a\/b"/],
  [['ls', '-r', '/tmp'], /unknown option '-r'; -r stands before the command$/],
  [['enqueue', '--root-dir', '/tmp', 'q'], /'--root-dir'; --root-dir stands before the command$/],
  [['ls', '-x'], /unknown option '-x'; "--" before it makes it an operand$/],
  ...['install', 'enqueue', 'scan', 'requeue', 'prune'].map((name): [string[], RegExp] => [
    [name],
    /too few arguments/,
  ]),
  ...['done', 'fail', 'retry'].map((name): [string[], RegExp] => [
    [name, 'q'],
    /too few arguments/,
  ]),
  [['scan', 'q', ''], /the name of the program is empty/],
  [['scan', 'q'], /no program given; -k runs the arguments of each item/],
  [['scan', '--nosuch', 'q', 'true'], /unknown option '--nosuch'$/],
  [['work', '--nosuch', 'q', '--', 'true'], /unknown option '--nosuch'$/],
  [['scan', '-m', 'abc', 'q', 'true'], /Expected a whole number.*"abc"/],
  [['scan', '-t', '1.5', 'q', 'true'], /Expected a whole number of seconds.*"1\.5"/],
  [['scan', '-S', '256', 'q', 'true'], /Expected an exit status from 0 to 255/],
  [['scan', '-F', '', 'q', 'true'], /Expected an exit status/],
  [['scan', '-r', '1/s', 'q', 'true'], /Expected a whole number, got "1\/s"/],
  [['enqueue', '-m', '999', 'q'], /Expected a file mode in octal.*"999"/],
  [['enqueue', '-u', 'no-such-user', 'q'], /no such user: no-such-user/],
  [['enqueue', '-g', 'no-such-group', 'q'], /no such group: no-such-group/],
  [['enqueue', '--batch', 'q', 'a'], /--batch takes arguments, bodies and ids from stdin/],
  [['enqueue', '--batch', '-f', '/dev/null', 'q'], /--batch takes/],
  [['install', '-m', 'rwx', 'x'], /Expected a file mode in octal/],
  [['trigger', '-g', 'no-such-group', 'q'], /no such group/],
  [['ls', '-l', '--json', 'q'], /-l, --json and -0 exclude each other/],
  [['ls', '-s', 'nosuch', 'q'], /Expected one of queue, done, fail, tmp, all/],
  [['path', '-s', 'all', 'q'], /Expected one of queue, done, fail, tmp, got "all"/],
  [['path', 'q', 'a', 'b'], /too many arguments/],
  [['ftpcluster'], /no command given/],
  [['ftpcluster', 'nosuch'], /command not found: nosuch/],
  [['ftpcluster', '-v', 'queue'], /unknown option '-v'/],
  [['ftpcluster', 'queue'], /too few arguments/],
  [['ftpcluster', 'queue', 'upload', 'store'], /too many arguments/],
  [['ftpcluster', 'queue', '-e', 'upload'], /-e takes jobs of any type from stdin/],
  [['ftpcluster', 'queue', '-de'], /-e takes jobs of any type from stdin/],
  [['ftpcluster', 'import'], /too few arguments/],
  [['ftpcluster', 'export', '.', '.'], /too many arguments/],
  [['nats'], /no command given/],
  [['nats', 'dead'], /no command given/],
  [['nats', 'dead', 'nosuch'], /command not found: nosuch$/],
  [['nats', 'dead', 'requeu'], /command not found: requeu; did you mean requeue\?$/],
  [['nats', 'setup'], /too few arguments/],
  [['nats', 'forward', 'q', 'q'], /the queue q is given twice/],
  [['nats', 'receive', '--lost-after', '5s', 'q'], /--lost-after goes with --ack finished/],
  [['nats', 'status', '-s', 'http://nats1/'], /--server: Expected URLs such as nats:/],
  [['nats', 'status', '-s', 'nats://nats1/path'], /--server: Expected URLs such as nats:/],
  [['nats', 'status', '-s', 'nats1,nats://u:p@nats2'], /--server: .* NATS_URL may have one/],
  [['nats', 'status', '-s', 'nats://token@nats1'], /--server: .* NATS_URL may have one/],
  [['nats', 'status', '--tlscert', 'x'], /--tlscert and --tlskey .* go together/],
  [['nxqueue'], /no command given/],
  [['nxqueue', 'check'], /too few arguments/],
  [['nxqueue', 'check', '--schema', 'x'], /--schema stands alone/],
  [['nats', 'dead', 'requeue'], /no dead letter given; --all is every one/],
  [['nats', 'dead', 'requeue', '--all', '7'], /by numbers or by --all, not both/],
  [['nats', 'dead', 'rm'], /no dead letter given; --all is every one/],
  [['nats', 'dead', 'rm', '--all', '7'], /by numbers or by --all, not both/],
  [['nats', 'dead', 'requeue', 'x'], /Expected a whole number, got "x"/],
  [['stat', '--json', '--ages'], /-l, --ages, --json and --format exclude each other/],
  [['stat', '--format', 'xml'], /Expected one of table, json, prometheus, got "xml"/],
  [['stat', '--older', 'soon'], /Expected a duration such as .* got "soon"/],
  [['stat', '-w', '-n', '0s'], /Expected 1s or more, got "0s"/],
  [['top', '-n', 'often'], /Expected a duration such as .* got "often"/],
  [['stat', '-n', '2s'], /--interval is for --watch/],
  [['stat', '-w', '--older', '1h', 'q'], /--older is an exit status, and --watch has no end/],
  [['prune', '--bytes', '10MB', 'q'], /Expected a size such as 512, 64K, 10M or 1G, got "10MB"/],
  [['prune', '--keep', '-1', 'q'], /Expected a whole number, got "-1"/],
  [['show', 'q'], /too few arguments/],
  [['show', 'q', 'a', 'b'], /too many arguments/],
  [['show', '--body', '--json', 'q', 'a'], /--body and --json exclude each other/],
  [
    ['push', '--all', 'http://127.0.0.1:1/', 'q/a', 'q', '-'],
    /src_queue is "q\/a"; of a host queue, the host is the fourth operand/,
  ],
  [['mv', 'q'], /too few arguments/],
  [['disperse', 'q'], /too few arguments/],
  [['disperse', 'q', 'q'], /the queue q is given twice/],
  [['mv', 'q', 'q', '--all'], /both queues are q/],
  [['mv', 'q', 'r'], /no item given; --all is every item/],
  [['requeue', 'q'], /no item given; --all is every item/],
  [['requeue', '--all', 'q', 'x'], /items are given by names or by flags, not both/],
  [['requeue', '--all', '--match', 'x', 'q'], /--all excludes the flags that choose among them/],
  ...[
    ['--delay', '10m'],
    ['-m', '3'],
    ['-m', '0'],
    ['-t', '7d'],
  ].map((words): [string[], RegExp] => [
    ['fail', ...words, 'q', 'x'],
    /-m, -t and --delay say nothing without --tmp/,
  ]),
  [['enqueue', '-f', '', 'q'], /option '-f, --file <file>' .* Expected the path of a file, got ""/],
  [['stat', '-o', ''], /option '-o, --output <file>' .* Expected the path of a file/],
  [['jsonrpcd', '--socket', ''], /option '--socket <path>' .* Expected the path of a file/],
  [['requeue', '--match', '', 'q'], /Expected a pattern such as "\*mail\*", got ""/],
  [['mv', '--match', '', 'q', 'r'], /Expected a pattern/],
  [['scan', '--backoff', '10s..1s', 'q', 'true'], /Expected the shorter delay first.*"10s\.\.1s"/],
  [['work', '--backoff', '10s..1s', 'q', '--', 'true'], /Expected the shorter delay first/],
  [['requeue', '--older', '1y', 'q'], /Expected a duration such as .* got "1y"/],
  [['prune', '--older', 'soon', 'q'], /Expected a duration such as .* got "soon"/],
]

t.test('a usage that cannot be printed is told in a line', { buffered: true }, async (t) => {
  const { env } = await place(t)
  for (const words of ['-h', 'help', 'ls -h', 'nats -h', '-l', '-V']) {
    const ended = await startProgram('sh', ['-c', `fsq ${words} >/dev/full`], { env }).ended
    check(t, ended, { status: 111, stderr: /^fsq[a-z ]*: cannot write to stdout: .*\n$/ }, words)
  }
})

t.test('bad usage is told in two lines on stderr, and is 100', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  await forEachOf(misuse, async ([words, message]) => {
    const { status, stdout, stderr } = await fsq(words)
    const name = `fsq ${words.join(' ')}`
    t.strictSame({ status, stdout }, { status: 100, stdout: '' }, name)
    const [first = '', second = '', ...others] = stderr.split('\n')
    t.match(first, message, `${name}: what is wrong`)
    t.match(second, /^usage: (fsq[a-z -]*) \[flags\].* \(try \1 -h\)$/, `${name}: the usage`)
    t.strictSame(others, [''], `${name}: no more`)
  })
  t.strictSame(entriesOf(queue.context.paths.queue), [], 'nothing was enqueued')
  t.strictSame(entriesOf(root.settings.root), ['q'], 'nothing was installed')
})
