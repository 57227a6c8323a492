import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import t from 'tap'
import { check, type Place, place, startProgram } from '../helpers/cli.js'

t.jobs = 4

/** The home of an ftpcluster with these queue files. */
function homeIn({ directory }: Place, files: Readonly<Record<string, string>> = {}): string {
  const home = `${directory}/cluster`
  mkdirSync(`${home}/.queue`, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(`${home}/.queue/${name}`, text)
  return home
}

const upload = 'upload pub/a%20b root 12 1044844761 n1:21'
const store = 'store  pub/c\troot 12 1044844761 n1:21,n2:21'
const remove = 'delete n1:21 1/2/c'
const files = {
  'uploads-030210-033921-c0de.q': `${upload}\n\n${remove}\n`,
  'store-1': `${store}\nupload pub/cut ro`,
  'mixed.q': `mystery x\nupload y\n`,
  'notes.txt': 'upload no queue-file 1 1\n',
  '.hidden.q': 'upload hidden root 1 1\n',
}

t.test('queue --files prints the jobs of a type', { buffered: true }, async (t) => {
  const here = await place(t)
  const home = homeIn(here, files)
  const table: readonly [words: string[], expected: string[]][] = [
    [['upload'], [upload]],
    [['store'], [store]],
    [['remove'], [remove]],
    [['delete'], [remove]],
    [['replicate'], []],
    [['opaque'], ['mystery x', 'upload y']],
    [['mystery'], ['mystery x']],
    [['.'], ['mystery x', 'upload y', store, upload, remove]],
    [['-n', 'store'], [`store-1\t${store}`]],
  ]
  for (const [words, expected] of table) {
    const ended = await here.fsq(['ftpcluster', 'queue', '--files', '--home', home, ...words])
    check(t, ended, { stdout: expected.map((line) => `${line}\n`).join('') }, words.join(' '))
  }
})

t.test('what is no regular file, or no lines, is left out', { buffered: true }, async (t) => {
  const here = await place(t)
  const home = homeIn(here, { 'a.q': `${upload}\n`, 'long.q': `${'x'.repeat(70_000)}\n` })
  symlinkSync('/etc/passwd', `${home}/.queue/link.q`)
  mkdirSync(`${home}/.queue/store-directory`)
  check(t, await here.fsq(['ftpcluster', 'queue', '--files', '--home', home, '.']), {
    stdout: `${upload}\n`,
    stderr: new RegExp(
      '^fsq ftpcluster queue: link.q: left out: it is no regular file\n' +
        'fsq ftpcluster queue: long.q: left out: line 1 is longer than 65536 bytes.*\n' +
        'fsq ftpcluster queue: store-directory: left out: it is no regular file\n$',
    ),
  })
})

t.test('queue prints the work-items of the cluster', { buffered: true }, async (t) => {
  const here = await place(t)
  const home = homeIn(here)
  const { root } = here
  const queue = await root.install('ftpc-store', { hosts: ['n1:21', 'n2:21'] })
  const name = (number: number, host = 'cluster', tries = 0): string =>
    `_20261121101500_${number}_7_${host}_${tries}_store`
  await queue.receive(name(2), `${store}\n`)
  await queue.host('n1:21').receive(name(1), 'store b root 1 1\n')
  await queue.host('n2:21').receive(name(1, 'cluster', 2), 'store b root 1 1\n')
  await queue.receive(name(3, 'other'), 'store c root 1 1\n')
  await queue.receive(name(4), 'store d root 1 1\nstore e root 1 1\n')
  const words = ['ftpcluster', 'queue', '--home', home]
  const stderr = `fsq ftpcluster queue: ftpc-store: ${name(4)}: left out: its body is not one line\n`
  check(t, await here.fsq([...words, '.']), {
    stdout: `store b root 1 1\n${store}\n`,
    stderr,
  })
  check(t, await here.fsq([...words, '-n', 'store']), {
    stdout: `${name(1)}\tstore b root 1 1\n${name(2)}\t${store}\n`,
    stderr,
  })
  check(t, await here.fsq([...words, '--name', 'other', '.']), { stdout: 'store c root 1 1\n' })
  check(t, await here.fsq([...words, 'upload']), {}, 'a queue that is not there is empty')
})

t.test('what is no home of a cluster is told', { buffered: true }, async (t) => {
  const { fsq, directory } = await place(t)
  check(t, await fsq(['ftpcluster', 'queue', '--files', '--home', directory, '.']), {
    status: 111,
    stderr: `fsq ftpcluster queue: not the home of an ftpcluster: ${directory} has no .queue\n`,
  })
  check(t, await fsq(['ftpcluster', 'queue', '--home', `${directory}/none`, '.']), {
    status: 111,
    stderr: /^fsq ftpcluster queue: cannot use .* no such file or directory\n$/,
  })
})

/** The queue files, by their names without what is new in them. */
function filesIn(home: string): Record<string, string> {
  const names = readdirSync(`${home}/.queue`).sort()
  return Object.fromEntries(
    names.map((name) => [
      name.replace(/\d{6}-\d{6}-[0-9a-f]{4}\.q$/, 'X.q'),
      readFileSync(`${home}/.queue/${name}`, 'utf8'),
    ]),
  )
}

t.test('queue -d --files takes jobs out of files', { buffered: true }, async (t) => {
  const here = await place(t)
  const home = homeIn(here, {
    'mixed.q': `${upload}\n\n${store}\nmystery\n${upload} m1:21\nupload cut`,
    'uploads-1': `${upload}\n`,
    'store-1': `${store}\n`,
  })
  const words = ['ftpcluster', 'queue', '--files', '--home', home, '-d']
  check(t, await here.fsq([...words, 'upload']), {
    stdout: `${upload}\n${upload} m1:21\n${upload}\n`,
  })
  t.strictSame(filesIn(home), {
    'mixed.q': `\n${store}\nmystery\nupload cut`,
    'store-1': `${store}\n`,
  })
  const writer = openSync(`${home}/.queue/store-1`, 'a')
  check(t, await here.fsq([...words, '-n', 'store']), {
    stdout: `mixed.q\t${store}\n`,
    stderr: 'fsq ftpcluster queue: store-1: left out: somebody is writing to it\n',
  })
  closeSync(writer)
  writeFileSync(`${home}/.queue.lock`, '')
  check(t, await here.fsq([...words, '.']), {
    status: 111,
    stderr: /somebody else is at the queue/,
  })
  check(t, await here.fsq([...words, '--break-lock', '.']), {
    stdout: `mystery\n${store}\n`,
    stderr: /\.queue\.lock is broken/,
  })
  t.strictSame(filesIn(home), { 'mixed.q': '\nupload cut' })
})

t.test('queue -d takes work-items', { buffered: true }, async (t) => {
  const here = await place(t)
  const home = homeIn(here)
  const lines = Array.from({ length: 600 }, (_, at) => `upload f${at} root 1 1\n`)
  const words = ['ftpcluster', 'queue', '--home', home]
  check(t, await here.fsq([...words, '-e', '-v'], { input: lines.join('') }), {
    stderr: 'fsq ftpcluster queue: 600 jobs added\n',
  })
  check(t, await here.fsq([...words, '-d', 'store']), {})
  check(t, await here.fsq([...words, '-d', '.']), { stdout: lines.join('') })
  check(t, await here.fsq([...words, '.']), {}, 'they are done')
})

t.test('what cannot be printed is not removed', { buffered: true }, async (t) => {
  const here = await place(t)
  const home = homeIn(here, { 'uploads-1': `${upload}\n` })
  const words = ['ftpcluster', 'queue', '--home', home]
  check(t, await here.fsq([...words, '-e'], { input: `${upload}\n` }))
  for (const flags of [[], ['--files']]) {
    const command = ['fsq', ...words, ...flags, '-d', '.'].join(' ')
    const { status, stderr } = await startProgram('sh', ['-c', `${command} >/dev/full`], {
      env: here.env,
    }).ended
    t.equal(status, 111)
    t.match(stderr, /cannot write to stdout/)
    check(t, await here.fsq([...words, ...flags, '.']), { stdout: `${upload}\n` })
  }
  t.strictSame(filesIn(home), { 'uploads-1': `${upload}\n` })
})

t.test('queue -e adds what is on stdin', { buffered: true }, async (t) => {
  const here = await place(t)
  const home = homeIn(here)
  const words = ['ftpcluster', 'queue', '--home', home]
  for (const flags of [[], ['--files']]) {
    const cut = await here.fsq([...words, ...flags, '-e'], { input: `${upload}\n\n${store}` })
    check(t, cut, { status: 111, stderr: /line 3 has no end/ })
    const long = await here.fsq([...words, ...flags, '-e'], { input: 'x'.repeat(70_000) })
    check(t, long, { status: 111, stderr: /^fsq.* line 1 is longer than 65536 bytes.*\n$/ })
  }
  t.strictSame(filesIn(home), {}, 'a file is added as a whole')
  check(t, await here.fsq([...words, '.']), { stdout: `${upload}\n` })
  check(t, await here.fsq([...words, '--files', '-e'], { input: `${store}\n \nmystery\n` }), {
    stderr: 'fsq ftpcluster queue: line 3 is no job that we know\n',
  })
  t.strictSame(filesIn(home), { 'queue-X.q': `${store}\nmystery\n` })
  check(t, await here.fsq([...words, '--files', '-e'], { input: '' }))
  t.strictSame(Object.keys(filesIn(home)), ['queue-X.q'])
  const twice = await here.fsq([...words, '-e'], { input: `${store}\n${store}\n` })
  check(t, twice)
  check(t, await here.fsq([...words, 'store']), { stdout: `${store}\n${store}\n` })
})
