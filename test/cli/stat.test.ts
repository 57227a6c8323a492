import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, symlinkSync, utimesSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import type { QueueStat } from '../../lib/upkeep/stat-queue.js'
import { check, eventually, place, startProgram } from '../helpers/cli.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { modesLeft, noTerminal, type OnTerminal, onTerminal } from '../helpers/terminal.js'
import { entriesOf } from '../helpers/temporary.js'

t.jobs = 4

/** The lines of a table, each with single spaces. */
function linesOf(stdout: string): string[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/ +/g, ' ').trim())
}

const head = 'QUEUE WAITING OLDEST DELAYED LOCKED DONE /MIN FAIL /MIN TMP STATE'

t.test('stat prints a row for each queue', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const other = await root.install('\u001b[2J')
  putEntry(other.context.paths.fail, 'a')
  await other.down()
  const id = await queue.enqueue('', [], { enqueuedAt: new Date(Date.now() - 3 * 3_600_000) })
  const long = new Date(Date.now() - 4 * 3_600_000)
  utimesSync(`${queue.context.paths.queue}/${id}`, long, long)
  const { status, stdout, stderr } = await fsq(['stat'])
  t.strictSame({ status, stderr }, { status: 0, stderr: '' })
  t.strictSame(linesOf(stdout), [
    head,
    '\\x1b[2J 0 - 0 0 0 0 1 1 0 down',
    'q 1 3h 0 0 0 0 0 0 0 up',
  ])
  t.strictSame(linesOf((await fsq(['stat', 'q'])).stdout).slice(1), ['q 1 3h 0 0 0 0 0 0 0 up'])
  t.strictSame(linesOf((await fsq(['stat', '--ages'])).stdout), [
    'T 5 10 20 40 80 160 320 640 1280 1280+',
    'TOTAL 1 0 0 0 0 0 0 1 0 0 0',
    '\\x1b[2J 0 0 0 0 0 0 0 0 0 0 0',
    'q 1 0 0 0 0 0 0 1 0 0 0',
  ])
  await Promise.all([root.uninstall('q', { force: true }), root.uninstall(other.name)])
  check(t, await fsq(['stat']), {}, 'no table of nothing')
  check(t, await fsq(['stat', '--ages']), {}, 'no table of nothing')
})

t.test('stat -l tells all of a queue', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const { paths } = queue.context
  for (const [entropy, tries] of [0, 0, 1, 12].entries())
    putEntry(paths.queue, itemName({ entropy, tries, args: [`\u001b${entropy}`] }))
  putEntry(paths.queue, 'malformed')
  const name = itemName({ args: ['\u001b0'] })
  const tomorrow = new Date(Date.now() + 86_400_000)
  utimesSync(
    `${paths.queue}/${itemName({ tries: 0, entropy: 1, args: ['\u001b1'] })}`,
    tomorrow,
    tomorrow,
  )
  await queue.trigger()
  const item = await queue.claim(name)
  const ended = await fsq(['stat', '-l', 'q'])
  item.close()
  check(t, ended, {
    stdout: new RegExp(
      [
        '^q: up, a trigger to which nobody seems to listen',
        '  queue  5  2 waiting, the oldest for \\d+d, 1 locked, 1 delayed, 1 malformed',
        '  done   0  0 in the last minute',
        '  fail   0  0 in the last minute',
        '  tmp    0',
        '  tries  2 tried 0 times, 1 tried 1 times, 1 tried 10\\+ times',
        `  locked ${name.replace('\u001b', '\\\\x1b')} by process ${process.pid}\n$`,
      ].join('\n'),
    ),
  })
})

t.test('stat --json prints an object a line', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  await root.install('x')
  const env = { TZ: 'Asia/Kolkata' }
  const [local, utc, format] = await Promise.all([
    fsq(['stat', '--json'], { env }),
    fsq(['stat', '--json', '--utc'], { env }),
    fsq(['stat', '--format', 'json', 'x'], { env }),
  ])
  const objects = local.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as QueueStat)
  t.strictSame(
    objects.map(({ queue }) => queue),
    ['q', 'x'],
  )
  t.match(objects[0], {
    at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+05:30$/,
    items: { queue: 0, done: 0, fail: 0, tmp: 0 },
    tries: {},
    trigger: false,
  })
  t.match(utc.stdout, /"at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/)
  t.match(format.stdout, /^\{"queue":"x",.*\}\n$/)
})

t.test('a queue that is none keeps no other from being counted', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  mkdirSync(`${root.settings.root}/broken/queue`, { recursive: true })
  const named = await fsq(['stat', 'nosuch', 'q'])
  t.strictSame(linesOf(named.stdout), [head, 'q 0 - 0 0 0 0 0 0 0 up'])
  t.match(named, { status: 111, stderr: /^fsq stat: no such queue: nosuch .*\n$/ })
  const all = await fsq(['stat', '--format', 'prometheus'])
  t.match(all, { status: 111, stderr: /^fsq stat: not a whole queue: broken has no .*\n$/ })
  t.match(all.stdout, '\nfsq_up{queue="q"} 1\n')
  t.notMatch(all.stdout, 'broken')
  check(t, await fsq(['-r', '/nosuch', 'stat']), {
    status: 111,
    stderr: /^fsq stat: cannot list the queues in \/nosuch: /,
  })
})

t.test('--older exits with 1 where something waits for so long', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  check(t, await fsq(['stat', '--older', '0s', '--json']), { stdout: /"waiting":0/ }, 'nothing')
  const time = new Date(Date.now() - 90_000)
  const id = await queue.enqueue('', [], { enqueuedAt: time })
  const path = `${queue.context.paths.queue}/${id}`
  utimesSync(path, time, time)
  check(t, await fsq(['stat', '--older', '1m', '--json']), { status: 1, stdout: /"waiting":1/ })
  check(t, await fsq(['stat', '--older', '1h', '--json']), { stdout: /"waiting":1/ })
  const failed = await fsq(['stat', '--older', '1m', '--json', 'q', 'nosuch'])
  t.equal(failed.status, 111, 'a failure counts for more')
  const item = await queue.claim(id)
  check(t, await fsq(['stat', '--older', '1m', '--json']), { stdout: /"waiting":0/ }, 'locked')
  item.close()
})

t.test('-o replaces a file', { buffered: true }, async (t) => {
  const { fsq, directory } = await place(t)
  const output = `${directory}/metrics/fsq.prom`
  check(t, await fsq(['stat', '--format=prometheus', '-o', output]), {
    status: 111,
    stderr: /^fsq stat: cannot write .*\/fsq\.prom: no such file or directory\n$/i,
  })
  mkdirSync(`${directory}/metrics`)
  putEntry(`${directory}/metrics`, 'fsq.prom', 'old contents '.repeat(1000))
  check(t, await fsq(['stat', '--format=prometheus', '-o', output]))
  t.match(readFileSync(output, 'utf8'), /^# HELP fsq_items [^]*\nfsq_listeners\{queue="q"\} 0\n$/)
  t.strictSame(entriesOf(`${directory}/metrics`), ['fsq.prom'], 'nothing else is left')
})

t.test('-o writes into a device or a FIFO, and - prints', async (t) => {
  const { fsq, directory } = await place(t)
  const link = `${directory}/null`
  symlinkSync('/dev/null', link)
  check(t, await fsq(['stat', '-o', link]))
  t.ok(statSync(link).isCharacterDevice())
  const fifo = `${directory}/fifo`
  execFileSync('mkfifo', [fifo])
  const read = readFile(fifo, 'utf8')
  check(t, await fsq(['stat', '-o', fifo]))
  t.match(linesOf(await read), [head])
  t.ok(statSync(fifo).isFIFO())
  check(t, await fsq(['stat', '-o', '-']), { stdout: /^QUEUE/ })
})

t.test(
  '--watch prints again and again where there is no terminal',
  { buffered: true },
  async (t) => {
    const here = await place(t)
    const started = here.start(['stat', '-w', '-n', '1s', '--utc', 'q', 'nosuch'])
    for (let round = 0; round < 2; round++) {
      t.match(await started.line(), /^every 1s: fsq stat q nosuch {2}\d{4}-\d\d-\d\dT[\d:]+Z$/)
      t.equal(await started.line(), '')
      t.match(await started.line(), /^QUEUE/)
      t.match(await started.line(), /^q /)
      t.match(await started.line(), /^no such queue: nosuch/, 'there may be one later')
      t.equal(await started.line(), '')
    }
    started.kill('SIGTERM')
    t.equal((await started.ended).status, 'SIGTERM')
    const json = here.start(['stat', '-w', '--json'])
    for (let round = 0; round < 2; round++) t.match(await json.line(), /^\{"queue":"q",/)
    json.kill('SIGTERM')
    const env = here.env
    const piped = await startProgram('sh', ['-c', 'fsq stat -wn 1s | head -n 1'], { env }).ended
    check(t, piped, { stdout: /^every 1s: fsq stat {2}.*\n$/ }, 'until nobody reads')
  },
)

t.test('--watch with -o keeps a file up to date', { buffered: true }, async (t) => {
  const here = await place(t)
  const output = `${here.directory}/fsq.prom`
  const started = here.start(['stat', '-w', '-n', '1s', '--format', 'prometheus', '-o', output])
  const has = (line: string) => () =>
    entriesOf(here.directory).includes('fsq.prom') && readFileSync(output, 'utf8').includes(line)
  await eventually(has('fsq_up{queue="q"} 1'))
  await here.queue.down()
  await eventually(has('fsq_up{queue="q"} 0'))
  started.kill('SIGTERM')
  check(t, await started.ended, { status: 'SIGTERM' })
})

const onScreen = { buffered: true, skip: noTerminal }

t.test('--watch draws in place on a terminal', { ...onScreen }, async (t) => {
  const here = await place(t)
  await here.root.install('日本')
  const terminal = onTerminal(here, 'fsq stat -w -n 1s')
  await terminal.shows(/^q +0 +- .* up$/)
  await here.queue.enqueue('')
  await terminal.shows(/^q +1 +\d+s .* up$/)
  t.notMatch(terminal.output(), /\x1b\[2J/, 'it does not flicker')
  terminal.resize(30, 4)
  await terminal.shows(/^QUEUE {2}WAITING {2}OLDEST {2}DELAY…$/)
  t.equal(terminal.frame().length, 4)
  t.equal(terminal.frame().at(-1), '... and 2 more lines')
  terminal.type('q')
  t.match((await terminal.ended).stdout, /\x1b\[\?1049lstatus 0\s/)
})

const endings: readonly [how: string, end: (terminal: OnTerminal) => void, status: number][] = [
  [
    'q',
    ({ type }) => {
      type('q')
    },
    0,
  ],
  [
    'Ctrl-C',
    ({ type }) => {
      type('\x03')
    },
    130,
  ],
  [
    'SIGINT',
    ({ kill }) => {
      kill('SIGINT')
    },
    130,
  ],
  [
    'SIGTERM',
    ({ kill }) => {
      kill('SIGTERM')
    },
    143,
  ],
  [
    'SIGHUP',
    ({ kill }) => {
      kill('SIGHUP')
    },
    129,
  ],
  [
    'SIGQUIT',
    ({ kill }) => {
      kill('SIGQUIT')
    },
    131,
  ],
]

t.test('however it ends, the terminal is as it was', { ...onScreen }, async (t) => {
  for (const [how, end, status] of endings) {
    const terminal = onTerminal(await place(t), 'fsq stat -w')
    await terminal.shows(/^q /)
    end(terminal)
    const { stdout } = await terminal.ended
    t.strictSame(modesLeft(stdout), [], how)
    t.match(stdout, new RegExp(`status ${status}\\s+icanon\\s*$`), how)
  }
})

const stops: readonly [how: string, stop: (terminal: OnTerminal) => void][] = [
  [
    'Ctrl-Z',
    ({ type }) => {
      type('\x1a')
    },
  ],
  [
    'SIGTSTP',
    ({ kill }) => {
      kill('SIGTSTP')
    },
  ],
]

t.test(
  'stopped, it gives the terminal back; continued, it takes it',
  { ...onScreen },
  async (t) => {
    for (const [how, stop] of stops) {
      const here = await place(t)
      const terminal = onTerminal(here, 'fsq stat -w -n 1s')
      await terminal.shows(/^q +0 /)
      stop(terminal)
      await eventually(() => /status \d+\s+-?icanon/.test(terminal.output()))
      t.match(terminal.output(), /status 1(46|47|48)\s+icanon/, how)
      t.strictSame(modesLeft(terminal.output()), [], how)
      await here.queue.enqueue('')
      terminal.type('\r')
      await terminal.shows(/^q +1 /)
      t.strictSame(modesLeft(terminal.output()).sort(), ['1049', '25', '7'], how)
      terminal.type('q')
      const { stdout } = await terminal.ended
      t.match(stdout, /status 0\s+icanon\s*$/, how)
      t.strictSame(modesLeft(stdout), [], how)
    }
  },
)

t.test('a terminal that cannot be drawn on gets lines', { ...onScreen }, async (t) => {
  const terminal = onTerminal(await place(t), 'fsq stat -w -n 1s', { TERM: 'dumb' })
  await eventually(() => terminal.output().split('QUEUE').length > 2)
  terminal.kill('SIGTERM')
  t.notMatch((await terminal.ended).stdout, /\x1b/)
})
