import t from 'tap'
import { check, place } from '../helpers/cli.js'
import { allCommands } from '../helpers/commands.js'
import { lockedDescriptor } from '../helpers/lock.js'

/*
 * What every command says to what cannot be: a queue or an item that is not there, an item that somebody
 * works on, a value that makes no sense. A command that is not in the table fails the test.
 */

t.jobs = 4

type Words = readonly string[]

interface Case {
  /** The command, given a queue that has to be there. */
  readonly queue?: (name: string) => Words
  /** The command, given an item that has to be there. */
  readonly item?: (id: string) => Words
  /** Whether it wants the item for itself. @defaultValue true */
  readonly locks?: boolean
}

const table: Readonly<Record<string, Case>> = {
  install: {},
  uninstall: { queue: (name) => [name] },
  enqueue: { queue: (name) => ['-e', name, 'x'] },
  scan: { queue: (name) => [name, 'true'] },
  work: { queue: (name) => [name, '--', 'true'] },
  done: { queue: (name) => [name, 'x'], item: (id) => ['q', id] },
  fail: { queue: (name) => [name, 'x'], item: (id) => ['q', id] },
  retry: { queue: (name) => [name, 'x'], item: (id) => ['q', id] },
  requeue: { queue: (name) => ['--all', name], item: (id) => ['q', id], locks: false },
  disperse: { queue: (name) => [name, 'q'] },
  mv: { queue: (name) => ['--all', name, 'q'], item: (id) => ['q', 'other', id] },
  push: {
    queue: (name) => ['--all', 'http://127.0.0.1:1/', name, 'q', '-'],
    item: (id) => ['http://127.0.0.1:1/', 'q', 'q', '-', id],
  },
  ls: { queue: (name) => [name] },
  show: { queue: (name) => [name, 'x'], item: (id) => ['q', id], locks: false },
  path: { queue: (name) => [name], item: (id) => ['q', id], locks: false },
  stat: { queue: (name) => [name] },
  top: { queue: (name) => [name] },
  prune: { queue: (name) => [name] },
  audit: { queue: (name) => [name] },
  repair: { queue: (name) => [name] },
  down: { queue: (name) => [name] },
  up: { queue: (name) => [name] },
  trigger: { queue: (name) => [name] },
  untrigger: { queue: (name) => [name] },
  'trigger-pull': { queue: (name) => [name] },
  'add-host': { queue: (name) => ['h', name] },
  'rm-host': { queue: (name) => ['h', name] },
  'down-host': { queue: (name) => ['h', name] },
  'up-host': { queue: (name) => ['h', name] },
  'host-dist': { queue: (name) => [name] },
  jsonrpcd: {},
  'nats setup': {},
  'nats forward': { queue: (name) => [name] },
  'nats receive': { queue: (name) => [name] },
  'nats status': {},
  'nats drain': { queue: (name) => [name] },
  'nats dead ls': {},
  'nats dead requeue': {},
  'nats dead rm': {},
  'nxqueue check': {},
  'nxqueue publish': {},
  'nxqueue submit': {},
  'nxqueue serve': {},
  'nxqueue status': {},
  'nxqueue explain': {},
  'nxqueue plan': {},
  'nxqueue run-again': {},
  'nxqueue cancel': {},
  'nxqueue release': {},
  'nxqueue server disable': {},
  'nxqueue server enable': {},
  'ftpcluster import': {},
  'ftpcluster export': {},
  'ftpcluster queue': {},
  'ftpcluster store': {},
  'ftpcluster replicate': {},
  'ftpcluster remove': {},
  'ftpcluster work': {},
  'ftpcluster down': {},
  'ftpcluster up': {},
  'ftpcluster list': {},
  'ftpcluster status': {},
  'filespooler prepare': {},
  'filespooler prepare-fail': {},
  'filespooler prepare-nop': {},
  'filespooler prepare-get-next': {},
  'filespooler prepare-set-next': {},
  'filespooler queue-init': {},
  'filespooler queue-write': {},
  'filespooler queue-ls': {},
  'filespooler queue-info': {},
  'filespooler queue-payload': {},
  'filespooler queue-process': {},
  'filespooler queue-get-next': {},
  'filespooler queue-set-next': {},
  'filespooler queue-check': {},
  'filespooler disperse': {},
  'filespooler stdin-info': {},
  'filespooler stdin-payload': {},
  'filespooler stdin-process': {},
  'filespooler import': {},
  'filespooler export': {},
  'filespooler gen-filename': {},
  'filespooler gen-uuid': {},
  'filespooler show-license': {},
  completion: {},
}

const names = (await allCommands()).map(({ name }) => name)
t.strictSame(Object.keys(table).sort(), names.sort(), 'the table has every command')

for (const [name, { queue, item, locks = true }] of Object.entries(table)) {
  if (queue !== undefined)
    t.test(`fsq ${name} names a queue that is not there`, { buffered: true }, async (t) => {
      const { fsq } = await place(t)
      const ended = await fsq([...name.split(' '), ...queue('nosuch')])
      check(t, ended, {
        status: 111,
        stderr: /^fsq [a-z -]+: no such queue: nosuch \(in [^\n]*\n$/,
      })
    })
  if (item !== undefined)
    t.test(`fsq ${name} names an item that is not there`, { buffered: true }, async (t) => {
      const { fsq, root } = await place(t)
      await root.install('other')
      const ended = await fsq([name, ...item('_20261121101500_0_1_h_0')])
      const stderr = /^fsq [a-z-]+: no such item in [^\n]*: _20261121101500_0_1_h_0\n$/
      check(t, ended, { status: 111, stderr })
      check(t, await fsq([name, ...item('../queue/x')]), { status: 111, stderr: /^fsq [^\n]*\n$/ })
    })
  if (item !== undefined && locks)
    t.test(`fsq ${name} leaves an item to who works on it`, { buffered: true }, async (t) => {
      const { fsq, root, queue } = await place(t)
      await root.install('other')
      const id = await queue.enqueue('', ['x'])
      lockedDescriptor(t, `${queue.path}/queue/${id}`)
      const ended = await fsq([name, ...item(id)])
      check(t, ended, {
        status: 111,
        stderr: new RegExp(`somebody is working on item ${id}; it is locked\n$`),
      })
    })
}

/** Flags whose value may be any text, or is looked at only when it is used. */
const anyText = new Set([
  ...[
    ...['setup', 'forward', 'receive', 'status', 'drain'],
    ...['dead ls', 'dead requeue', 'dead rm'],
  ].flatMap((name) =>
    [
      'server',
      'creds',
      'nkey',
      'user',
      'token-file',
      'tlscert',
      'tlskey',
      'tlsca',
      'js-domain',
    ].map((flag) => `nats ${name} --${flag}`),
  ),
  'nats setup --stream',
  'nats forward --to',
  'nats receive --as',
  'nats drain --to',
  'nats dead requeue --queue',
  'nats dead rm --queue',
  ...[
    ...[
      'publish',
      'submit',
      'serve',
      'status',
      'explain',
      'plan',
      'run-again',
      'cancel',
      'release',
    ],
    ...['server disable', 'server enable'],
  ].map((name) => `nxqueue ${name} --queue`),
  ...['id', 'group', 'volume', 'media', 'server', 'after'].map(
    (flag) => `nxqueue submit --${flag}`,
  ),
  ...['inventory', 'archive', 'restore', 'format', 'other'].map(
    (flag) => `nxqueue serve --${flag}`,
  ),
  'enqueue --id',
  'enqueue --delimiter',
  'jsonrpcd --token-file',
  'jsonrpcd --cert',
  'jsonrpcd --key',
  'jsonrpcd --client-ca',
  'push --token-file',
  'push --ca',
  'push --cert',
  'push --key',
  'filespooler prepare --seqfile',
  'filespooler prepare --input',
  'filespooler prepare-fail --seqfile',
  'filespooler prepare-nop --seqfile',
  'filespooler prepare-get-next --seqfile',
  'filespooler prepare-set-next --seqfile',
  'filespooler queue-init --queuedir',
  'filespooler queue-write --queuedir',
  'filespooler queue-ls --queuedir',
  'filespooler queue-ls --decoder',
  'filespooler queue-info --queuedir',
  'filespooler queue-info --decoder',
  'filespooler queue-payload --queuedir',
  'filespooler queue-payload --decoder',
  'filespooler queue-process --queuedir',
  'filespooler queue-process --decoder',
  'filespooler queue-get-next --queuedir',
  'filespooler queue-set-next --queuedir',
  'filespooler queue-check --queuedir',
  'filespooler queue-check --decoder',
  'filespooler disperse --decoder',
  'filespooler import --queuedir',
  'filespooler import --decoder',
  'filespooler export --queuedir',
  'filespooler export --seqfile',
  'ftpcluster import --name',
  'ftpcluster export --name',
  'ftpcluster queue --home',
  'ftpcluster queue --name',
  'ftpcluster store --name',
  'ftpcluster replicate --name',
  'ftpcluster remove --name',
  'ftpcluster work --name',
  'ftpcluster status --name',
  'ftpcluster store --ca',
  'ftpcluster replicate --ca',
  'ftpcluster remove --ca',
  'ftpcluster work --ca',
])

/** What makes no sense for a flag whose value may be nearly any text. */
const nonsenseFor: Readonly<Record<string, string>> = {
  '--host': 'a/b',
  '--add-host': 'a/b',
  '--match': '',
  '--file': '',
  '--output': '',
  '--socket': '',
}

let tried = 0

for (const name of names)
  t.test(`fsq ${name} refuses values that make no sense`, { buffered: true }, async (t) => {
    const { fsq } = await place(t)
    const { stdout } = await fsq([...name.split(' '), '-h'])
    const flags = [...stdout.matchAll(/^ +(?:-\w, )?(--[\w-]+) <.*?> /gm)].map(
      ([, flag = '']) => flag,
    )
    const words = table[name]?.queue?.('q') ?? ['q']
    const wrong = flags
      .filter((flag) => !anyText.has(`${name} ${flag}`))
      .flatMap((flag) => [nonsenseFor[flag] ?? 'nonsense', ''].map((value) => [flag, value]))
    const all = await Promise.all(wrong.map((each) => fsq([...name.split(' '), ...each, ...words])))
    for (const [at, ended] of all.entries()) {
      const stderr = new RegExp(`^fsq ${name}: .*\nusage: fsq ${name} `)
      const status = name.startsWith('filespooler ') ? 2 : 100 // That of the program it stands in for.
      check(t, ended, { status, stderr }, wrong[at]?.join(' '))
    }
    tried += wrong.length
  })

t.test('there are such flags', async (t) => {
  t.ok(tried > 80, `${tried} were tried`)
})
