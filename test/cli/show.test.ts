import { mkdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { check, place, startProgram } from '../helpers/cli.js'

t.jobs = 4

t.test('show prints all that is known', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const { paths } = queue.context
  const waiting = await queue.claim(await queue.enqueue('four', ['a b', '\u001b[2J', 'ü']))
  const { status, stdout, stderr } = await fsq(['show', 'q', waiting.id, '--utc'])
  waiting.close()
  t.strictSame({ status, stderr }, { status: 0, stderr: '' })
  const rows = Object.fromEntries(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(0, 12).trim(), line.slice(12)]),
  )
  t.match(rows, {
    queue: 'q',
    item: waiting.id.replace('\u001b', '\\x1b'),
    state: 'queue',
    arguments: '"a b" "\\u001b[2J" ü',
    enqueued: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(\d+m?s ago\)$/,
    by: `process ${process.pid} on ${waiting.hostname}, entropy ${waiting.entropy}`,
    tries: '0',
    size: '4',
    owner: /^\S+:\S+$/,
    mode: '0640',
    locked: `by process ${process.pid}`,
    path: `${paths.queue}/${waiting.id.replace('\u001b', '\\x1b')}`,
  })
  t.notMatch(stdout, /\u001b/)

  const { id } = await failOne()
  mkdirSync(paths.output)
  writeFileSync(`${paths.output}/${id}`, 'one\ttwo\n\u001b[2Jthree\r\n')
  const failed = await fsq(['show', 'q', id])
  t.match(failed.stdout, /\nstate {7}fail\n[^]*\noutput\n {4}one\ttwo\n {4}\\x1b\[2Jthree\\x0d\n$/)
  t.match(failed.stdout, /enqueued {4}\S+[+-]\d\d:\d\d \(/)

  async function failOne(): Promise<{ id: string }> {
    return (await queue.claim(await queue.enqueue('', ['bad']))).failPerm()
  }
})

t.test('who looks at a body is not taken for a worker that died', async (t) => {
  const { fsq, queue } = await place(t)
  const id = await queue.enqueue('the body')
  const old = new Date(Date.now() - 3_600_000)
  utimesSync(`${queue.context.paths.queue}/${id}`, old, old)
  check(t, await fsq(['show', '--body', 'q', id]), { stdout: 'the body' })
  check(t, await fsq(['audit', 'q']))
})

t.test('--json prints an object', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const id = await queue.enqueue('four', ['a'])
  const { status, stdout } = await fsq(['show', '--json', '--utc', 'q', id])
  t.equal(status, 0)
  t.match(JSON.parse(stdout), {
    queue: 'q',
    state: 'queue',
    id,
    path: `${queue.context.paths.queue}/${id}`,
    size: 4,
    mode: '0640',
    uid: process.getuid?.(),
    locked: false,
    modifiedAt: /Z$/,
    enqueuedAt: /Z$/,
    tries: 0,
    arguments: ['a'],
  })
  writeFileSync(`${queue.context.paths.fail}/_malformed`, '')
  const malformed = await fsq(['show', '--json', 'q', '_m'])
  t.match(JSON.parse(malformed.stdout), { state: 'fail', id: '_malformed', malformed: true })
})

t.test(
  '--body prints the body, byte for byte, in constant memory',
  { buffered: true },
  async (t) => {
    const { fsq, queue, directory, env } = await place(t)
    const bytes = Buffer.from([0, 255, 27, 10, 13])
    const id = await queue.enqueue(bytes)
    t.strictSame((await fsq(['show', '--body', 'q', id])).bytes, bytes)
    const size = 300 * 1024 * 1024
    truncateSync(`${queue.context.paths.queue}/${id}`, size)
    const [hook, peak] = [`${directory}/hook.cjs`, `${directory}/peak`]
    const tell = `require('fs').writeFileSync('${peak}', String(process.resourceUsage().maxRSS))`
    writeFileSync(hook, `process.on('exit', () => ${tell})`)
    const line = `NODE_OPTIONS='--require ${hook}' fsq show --body q "$1" | wc -c`
    const large = await startProgram('sh', ['-c', line, 'sh', id], { env }).ended
    check(t, large, { stdout: new RegExp(`^ *${size}\n$`) })
    const kilobytes = Number(readFileSync(peak, 'utf8'))
    t.ok(kilobytes > 10_000 && kilobytes < 200_000, `${kilobytes} KiB at the most`)
  },
)

t.test('no such item, several, no such queue', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  await queue.enqueue('')
  await queue.enqueue('')
  const table: readonly [words: string[], stderr: RegExp][] = [
    [['q', 'nosuch'], /^fsq show: no such item in q: nosuch\n$/],
    [['-s', 'done', 'q', '_'], /^fsq show: no such item in q: _\n$/],
    [['q', '_'], /^fsq show: several items of q may be meant by _: the beginning of queue\/_.*\n$/],
    [['nosuch', 'x'], /^fsq show: no such queue: nosuch /],
  ]
  for (const [words, stderr] of table)
    check(t, await fsq(['show', ...words]), { status: 111, stderr }, words.join(' '))
})
