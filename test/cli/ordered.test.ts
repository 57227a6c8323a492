import t from 'tap'
import { check, eventually, place } from '../helpers/cli.js'
import { fileOf, numbersIn } from '../helpers/ordered.js'
import { contentsOf } from '../helpers/temporary.js'

t.jobs = 4

const time = '[0-9-]{10}T[0-9:]{8}[+-][0-9:]{5}'

t.test('enqueue --ordered, scan --ordered', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  for (const name of ['a', 'b']) check(t, await fsq(['enqueue', '-e', '--ordered', 'q', name]))
  const { status } = await fsq(['enqueue', '--batch', '--ordered', 'q'], {
    input: '{"args":["c"]}\n{"args":["d"]}\n',
  })
  t.equal(status, 0)
  check(t, await fsq(['scan', '--ordered', '-j', '3', 'q', 'echo']), { stdout: 'a\nb\nc\nd\n' })
  t.equal(fileOf(queue, 'nextseq'), '5\n')
})

t.test('a gap is told, and given up after its time', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  for (const n of ['2', '3', '7']) await fsq(['enqueue', '-e', '--sequence', n, 'q', n])
  const scan = (...flags: string[]): ReturnType<typeof fsq> =>
    fsq(['scan', '--ordered', ...flags, 'q', 'echo'])
  const waits = new RegExp(`^fsq scan: waits for 1 since ${time}\n$`)
  check(t, await scan(), { stderr: waits })
  check(t, await scan('--gap-timeout', '1h'), { stderr: waits })
  check(t, await scan('--gap-timeout', '0s'), {
    stdout: '2\n3\n7\n',
    stderr: new RegExp(
      `^fsq scan: 1 did not come since ${time}; given up\n` +
        `fsq scan: 4 to 6 did not come since ${time}; given up\n$`,
    ),
  })
  await fsq(['enqueue', '-e', '--sequence', '5', 'q', '5'])
  check(t, await scan(), { status: 111, stderr: /^fsq scan: cannot work on .*: 5 is past: 8 is / })
  t.equal(contentsOf(queue)['queue']?.length, 1)
})

t.test('an item that failed temporarily ends the scan', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  for (const name of ['a', 'b']) await fsq(['enqueue', '-e', '--ordered', 'q', name])
  const words = ['scan', '--ordered', '-m', '2', 'q', 'sh', '-c', 'echo $1; exit 111', 'sh']
  check(t, await fsq(words), { stdout: 'a\n', stderr: /: failed temporarily\n$/ })
  check(t, await fsq(words), { stdout: 'a\nb\n', stderr: /Max tries exceeded(?:.|\n)*temporarily/ })
  t.strictSame(numbersIn(queue, 'fail'), [1n])
})

t.test('what failed in order is not requeued, but enqueued anew', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  await fsq(['enqueue', '-e', '--ordered', 'q', 'a'])
  await fsq(['scan', '--ordered', 'q', 'false'])
  for (const flags of [[], ['--fresh'], ['--dry-run']])
    check(t, await fsq(['requeue', '--all', ...flags, 'q']), {
      status: 111,
      stderr: /^fsq requeue: cannot requeue item _\S+ of q, .*: its number 1 has had .*--ordered/,
    })
  t.strictSame(numbersIn(queue, 'fail'), [1n])
  await fsq(['enqueue', '-e', '--ordered', 'q', 'a'])
  check(t, await fsq(['scan', '--ordered', 'q', 'echo']), { stdout: 'a\n' })
})

t.test('work --ordered, one worker at a time', { buffered: true }, async (t) => {
  const { fsq, start, queue } = await place(t)
  const work = ['work', '--ordered', '--log', 'json', 'q', '--', 'true']
  for (const n of ['3', '1']) await fsq(['enqueue', '-e', '--sequence', n, 'q', n])
  const worker = start(work)
  await eventually(() => worker.output().includes('"type":"waiting"'))
  const line =
    worker
      .output()
      .split('\n')
      .find((each) => each.includes('waiting')) ?? ''
  t.match(JSON.parse(line), { queue: 'q', sequence: '2', since: String })
  check(t, await fsq(['scan', '--ordered', 'q', 'true']), {
    status: 111,
    stderr: 'fsq scan: somebody else works on q in order\n',
  })
  await fsq(['enqueue', '-e', '--sequence', '2', 'q', '2'])
  await eventually(() => numbersIn(queue, 'done').length === 3)
  worker.kill('SIGTERM')
  t.equal((await worker.ended).status, 0)
  t.equal(fileOf(queue, 'nextseq'), '4\n')
})

const usage: readonly [words: string[], stderr: RegExp][] = [
  [
    ['enqueue', '-e', '--sequence', 'x', 'q'],
    /Expected `sequence` to be a number from 0 to 2\^64-1/,
  ],
  [['enqueue', '-e', '--sequence', '1', '--ordered', 'q'], /--sequence excludes/],
  [['enqueue', '--sequence', '1', '--batch', 'q'], /--sequence excludes/],
  [['scan', '--gap-timeout', '1h', 'q', 'true'], /--gap-timeout says nothing without --ordered/],
  [['scan', '--ordered', '-D', 'q', 'true'], /--ordered and -D exclude each other/],
  [['scan', '--ordered', '--limit-by', '1:1', 'q', 'true'], /exclude each other/],
]

for (const [words, stderr] of usage)
  t.test(`bad usage: ${words.join(' ')}`, { buffered: true }, async (t) => {
    const { fsq } = await place(t)
    check(t, await fsq(words), { status: 100, stderr })
  })
