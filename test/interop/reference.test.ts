import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import t from 'tap'
import {
  check,
  type Ended,
  nulSeparated,
  place,
  type Place,
  type Started,
  type StartOptions,
  startProgram,
} from '../helpers/cli.js'
import { contentsOf, entriesOf, nothing } from '../helpers/temporary.js'

/*
 * The original fsq, written in Python 2, and this one share queues. Tested only where the variable
 * FSQ_REFERENCE names a program that starts the original.
 *
 * What is known to be different in the original is left out: its TTL is the wrong way round, it
 * ends when it has run an item whose name is not ASCII, and it may run an item again that was
 * finished between its open and its lock.
 */
const reference = process.env['FSQ_REFERENCE'] ?? ''
const skip = existsSync(reference)
  ? false
  : 'FSQ_REFERENCE does not name a program that starts the Python fsq'

/** Starts the original in a place. */
function startReference(here: Place, words: readonly string[], options?: StartOptions): Started {
  return startProgram(reference, words, { ...options, env: { ...here.env, ...options?.env } })
}

const original = (here: Place, ...words: string[]): Promise<Ended> =>
  startReference(here, words).ended

/** Prints the arguments of the item, each behind their number, between NULs, and the body. */
const show = ['sh', '-c', `printf '%s\\0' "$#" "$@"; cat; printf '\\0'`, 'sh']

/** Arguments that are escaped, or could be taken for escapes. */
const difficult = [
  ['plain', 'two words'],
  ['a_b', '100%', '%5f', '%', '_'],
  ['/', 'a/b', '../..', '.'],
  ['li\nne', "it's", '"', '$HOME', '\\'],
  ['x', '', 'y'],
]

const shown = difficult.flatMap((words) => [String(words.length), ...words, 'body'])

t.test('a queue that the original installs is ours to use', { skip }, async (t) => {
  const here = await place(t)
  check(t, await original(here, 'install', 'theirs'))
  const queue = here.root.queue('theirs')
  for (const words of difficult)
    check(t, await here.fsq(['enqueue', 'theirs', ...words], { input: 'body' }))
  const ended = await here.fsq(['scan', 'theirs', ...show])
  t.strictSame(nulSeparated(ended.stdout), shown)
  check(t, ended, { stdout: ended.stdout })
  t.equal(contentsOf(queue)['done']?.length, difficult.length)
  await queue.enqueue('')
  check(t, await original(here, 'down', 'theirs'))
  check(t, await here.fsq(['scan', 'theirs', 'true']), {
    status: 111,
    stderr: 'fsq scan: theirs is down\n',
  })
  check(t, await here.fsq(['up', 'theirs']))
  check(t, await here.fsq(['ls']), { stdout: 'q\ntheirs\n' })
  check(t, await here.fsq(['uninstall', '-f', 'theirs']))
})

t.test('what the original enqueues we scan', { skip }, async (t) => {
  const here = await place(t)
  const file = `${here.directory}/body`
  writeFileSync(file, 'body')
  for (const words of [...difficult, ['ünï', '漢']])
    check(t, await original(here, 'enqueue', '-f', file, 'q', ...words))
  const ended = await here.fsq(['scan', 'q', ...show])
  check(t, ended, { stdout: ended.stdout })
  t.strictSame(nulSeparated(ended.stdout), [...shown, '2', 'ünï', '漢', 'body'])
  t.equal(contentsOf(here.queue)['done']?.length, difficult.length + 1)
})

t.test('microseconds in names are scanned, tried again, and scanned again', { skip }, async (t) => {
  const here = await place(t)
  const env = { FSQ_TIMEFMT: '%Y%m%d%H%M%S%f', FSQ_MAX_TRIES: '2' }
  check(t, await startReference(here, ['enqueue', '-e', 'q', 'theirs'], { env }).ended)
  check(t, await here.fsq(['enqueue', '-e', 'q', 'ours'], { env }))
  const names = contentsOf(here.queue)['queue'] ?? []
  const { status } = await here.fsq(['scan', 'q', 'sh', '-c', 'exit 111'], { env })
  t.equal(status, 0)
  const again = names.map((name) => name.replace(/_0(_[a-z]+)$/, '_1$1'))
  t.strictSame(contentsOf(here.queue), { ...nothing, queue: again })
  check(t, await startReference(here, ['scan', 'q', 'true'], { env }).ended)
  t.strictSame(contentsOf(here.queue), { ...nothing, done: again })
})

t.test('what we enqueue the original scans', { skip }, async (t) => {
  const here = await place(t)
  const enqueuedAt = new Date()
  const ids = []
  for (const [entropy, words] of difficult.entries())
    ids.push(await here.queue.enqueue('body', words, { entropy, enqueuedAt }))
  const ended = await original(here, 'scan', 'q', ...show)
  t.equal(ended.status, 0, ended.stderr)
  t.strictSame(nulSeparated(ended.stdout), shown)
  t.strictSame(contentsOf(here.queue), { ...nothing, done: ids.sort() })
})

t.test('what the original retries and fails, we see as retried and failed', { skip }, async (t) => {
  const here = await place(t)
  for (const code of ['111', '100']) await here.queue.enqueue('', [code])
  const program = ['sh', '-c', 'exit "$1"', 'sh']
  const theirs = await original(here, 'scan', '-m', '5', 'q', ...program)
  t.equal(theirs.status, 0, theirs.stderr)
  const { queue = [], fail = [] } = contentsOf(here.queue)
  t.match(queue, [/_1_111$/])
  t.match(fail, [/_0_100$/])
  check(t, await here.fsq(['scan', 'q', 'echo']), {
    stderr: `fsq scan: Max tries exceeded: 1 (1) for item ${queue[0] ?? ''}; failed permanently\n`,
  })
})

t.test('an item that one of us works on the other leaves alone', { skip }, async (t) => {
  for (const [first, second] of [
    ['ours', 'theirs'],
    ['theirs', 'ours'],
  ]) {
    const here = await place(t)
    await here.queue.trigger() // Any FIFO will do, to tell the program when to end.
    const { trigger } = here.queue.context.paths
    const id = await here.queue.enqueue('')
    const wait = ['scan', 'q', 'sh', '-c', `echo ready; read word <${trigger}`]
    const holder = first === 'ours' ? here.start(wait) : startReference(here, wait)
    t.equal(await holder.line(), 'ready')
    const other = ['scan', 'q', 'echo', 'run']
    check(t, await (second === 'ours' ? here.fsq(other) : original(here, ...other)), {}, first)
    t.strictSame(contentsOf(here.queue), { ...nothing, queue: [id] })
    await writeFile(trigger, 'over\n')
    check(t, await holder.ended, { stdout: 'ready\n' }, first)
    t.strictSame(contentsOf(here.queue), { ...nothing, done: [id] })
  }
})

t.test('we and the original drain a queue together', { skip }, async (t) => {
  const here = await place(t)
  const { directory, queue, fsq } = here
  const ids = await Promise.all(Array.from({ length: 300 }, () => queue.enqueue('')))
  const logger = (name: string): string[] => [
    ...['scan', 'q', 'sh', '-c', `echo "$FSQ_ITEM_ID" >>${directory}/${name}`],
  ]
  const [ours1, ours2, theirs1, theirs2] = await Promise.all([
    fsq(logger('ours')),
    fsq(logger('ours')),
    original(here, ...logger('theirs')),
    original(here, ...logger('theirs')),
  ])
  check(t, ours1)
  check(t, ours2)
  for (const { status } of [theirs1, theirs2]) t.ok(status === 0 || status === 111, `${status}`)
  check(t, await fsq(logger('ours')), {}, 'what the original may have left')
  const [ours, theirs] = ['ours', 'theirs'].map((name) =>
    readFileSync(`${directory}/${name}`, 'utf8').trim().split('\n'),
  ) as [string[], string[]]
  t.comment(`${ours.length} were ours, ${theirs.length} theirs`)
  t.equal(new Set(ours).size, ours.length, 'we ran none twice')
  t.strictSame([...new Set([...ours, ...theirs])].sort(), ids.sort(), 'each was run')
  t.strictSame(entriesOf(queue.context.paths.done), ids.sort(), 'each is done')
  t.strictSame(contentsOf(queue), { ...nothing, done: ids })
})

t.test('host queues of the original are ours, and ours are its', { skip }, async (t) => {
  const here = await place(t)
  const queue = here.root.queue('q')
  // It fails where there is no directory of hosts, but makes it.
  await original(here, 'add-host', 'theirs', 'q')
  if (!(await queue.hosts()).includes('theirs'))
    check(t, await original(here, 'add-host', 'theirs', 'q'))
  await queue.installHost('ours')
  t.strictSame(await queue.hosts(), ['ours', 'theirs'])
  t.strictSame(entriesOf(queue.host('theirs').path), entriesOf(queue.host('ours').path))
  await queue.enqueue('body', ['x', 'two words'])
  check(t, await here.fsq(['host-dist', 'q']))
  check(t, await here.fsq(['scan', '-A', 'theirs', 'q', 'echo']), { stdout: 'x two words\n' })
  check(t, await original(here, 'scan', '-A', 'ours', 'q', 'echo'), { stdout: 'x two words\n' })
  t.equal(contentsOf(queue.host('ours'))['done']?.length, 1)
  check(t, await original(here, 'down-host', 'ours', 'q'))
  t.equal(await queue.hostIsDown('ours'), true)
  check(t, await here.fsq(['up-host', 'ours', 'q']))
  check(t, await original(here, 'rm-host', 'ours', 'q'))
  t.strictSame(await queue.hosts(), ['theirs'])
})
