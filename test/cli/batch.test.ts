import { closeSync, constants, existsSync, openSync, readSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { check, type Ended, notRoot, type Place, place } from '../helpers/cli.js'
import { modeOf } from '../helpers/mode.js'
import { contentsOf, entriesOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

/** Items as the lines that --batch reads. */
function lines(...items: unknown[]): string {
  return items.map((item) => `${JSON.stringify(item)}\n`).join('')
}

/** What is in the queue, in the order of enqueueing, as arguments and body. */
async function itemsOf({ queue }: Place): Promise<[readonly string[], string][]> {
  const items: [readonly string[], string][] = []
  for await (const item of queue.scan()) items.push([item.arguments, await item.text()])
  return items
}

/** Checks that the names that were printed are those in the queue, and that nothing else is left. */
function checkNames(t: Test, { queue }: Place, { stdout }: Ended, count: number): void {
  const names = stdout.split('\n').filter((line) => line !== '')
  t.equal(names.length, count)
  t.strictSame(contentsOf(queue), { ...nothing, queue: names.sort() })
}

t.test('a line in is an item and a name out', { buffered: true }, async (t) => {
  const here = await place(t)
  writeFileSync(`${here.directory}/file`, 'from a file')
  const items = [
    { args: ['a b', 'ü', ''], body: 'two\nlines, é' },
    {},
    { args: [], body: '' },
    { args: ['f'], file: `${here.directory}/file` },
    { body: 'separators: \u2028 \u2029 \u0085' },
  ]
  const input = lines(...items)
    .replace('\n{}\n', '\r\n { } \r\n')
    .slice(0, -1)
  const ended = await here.fsq(['enqueue', '--batch', 'q'], { input })
  check(t, ended, { stdout: /^(_.*\n){5}$/ })
  checkNames(t, here, ended, 5)
  t.strictSame(await itemsOf(here), [
    [['a b', 'ü', ''], 'two\nlines, é'],
    [[], ''],
    [[], ''],
    [['f'], 'from a file'],
    [[], 'separators: \u2028 \u2029 \u0085'],
  ])
})

t.test('names come in the order of the lines', { buffered: true }, async (t) => {
  const here = await place(t)
  const numbers = Array.from({ length: 500 }, (_, i) => String(i))
  const input = lines(...numbers.map((number) => ({ args: [number], body: number })))
  const ended = await here.fsq(['enqueue', '--batch', 'q'], { input })
  checkNames(t, here, ended, 500)
  const printed = ended.stdout
    .trim()
    .split('\n')
    .map((name) => name.split('_').pop())
  t.strictSame(printed, numbers, 'as printed')
  t.strictSame(
    await itemsOf(here),
    numbers.map((number) => [[number], number]),
    'and in the queue',
  )
})

t.test('no line is no item', { buffered: true }, async (t) => {
  const here = await place(t)
  check(t, await here.fsq(['enqueue', '--batch', 'q'], { input: '' }))
  t.strictSame(contentsOf(here.queue), nothing)
})

t.test('each name can be read before the next line is written', { buffered: true }, async (t) => {
  const here = await place(t)
  const started = here.start(['enqueue', '--batch', 'q'], { input: { later: true } })
  for (const body of ['first', 'second', 'third']) {
    started.write(lines({ body }))
    const name = await started.line()
    t.ok(existsSync(`${here.queue.context.paths.queue}/${name}`), `the ${body} is in`)
  }
  started.end()
  t.equal((await started.ended).status, 0)
})

const badLines: readonly [name: string, line: string, message: RegExp][] = [
  ['no JSON', 'no JSON', /^line 2: not JSON; expected \{"args": \["a"\], "body": "text"\}/],
  ['an empty line', '', /^line 2: not JSON/],
  ['a list', '[]', /^line 2: not a JSON object/],
  ['null', 'null', /^line 2: not a JSON object/],
  ['an unknown member', '{"arg":["a"]}', /^line 2: unknown member "arg"/],
  ['an argument that is no text', '{"args":[1]}', /^line 2: "args" is not a list of strings/],
  ['arguments that are no list', '{"args":"a"}', /^line 2: "args" is not a list of strings/],
  ['a body that is no text', '{"body":1}', /^line 2: "body" is not a string/],
  ['a file that is no text', '{"file":null}', /^line 2: "file" is not a string/],
  ['both', '{"body":"","file":"/dev/null"}', /^line 2: both "body" and "file"/],
  ['a file that is missing', '{"file":"/no/such/file"}', /^line 2: cannot read the body from/],
  [
    'a name that is too long',
    lines({ args: ['a'.repeat(250)] }).trim(),
    /^line 2: the name of the item would be/,
  ],
  ['half a character', '{"args":["\\ud800"]}', /^line 2: cannot encode/],
]

t.test('after a line that fails no further one is read', { buffered: true }, async (t) => {
  for (const [name, line, message] of badLines) {
    const here = await place(t)
    const started = here.start(['enqueue', '--batch', 'q'], { input: { later: true } })
    started.write(lines({ args: ['before'] }) + `${line}\n`)
    t.match(await started.line(), /_before$/, `${name}: the line before it is an item`)
    t.equal(await started.line(), '', `${name}: an empty line takes the place of its name`)
    started.write(lines({ args: ['after'] })) // And stdin stays open.
    const ended = await started.ended
    check(t, ended, {
      status: 111,
      stdout: /^_.*_before\n\n$/,
      stderr: /^fsq enqueue: line 2: .*\n$/,
    })
    t.match(ended.stderr.replace('fsq enqueue: ', ''), message, name)
    checkNames(t, here, ended, 1)
  }
})

t.test('a bad line among many: what is printed is what is in', { buffered: true }, async (t) => {
  const here = await place(t)
  const good = Array.from({ length: 300 }, (_, i) => ({ args: [String(i)] }))
  const input = lines(...good.slice(0, 150), { file: '/no/such/file' }, ...good.slice(150))
  const ended = await here.fsq(['enqueue', '--batch', 'q'], { input })
  check(t, ended, { status: 111, stdout: /^(_.*\n){150}\n(_.*\n)*$/, stderr: /line 151: .*\n$/ })
  checkNames(t, here, ended, ended.stdout.split('\n').length - 2)
})

t.test('what is not UTF-8 is refused, not changed', { buffered: true }, async (t) => {
  const here = await place(t)
  const input = Buffer.from('{"body":"caf\xe9"}\n', 'latin1')
  const ended = await here.fsq(['enqueue', '--batch', 'q'], { input })
  check(t, ended, { status: 111, stdout: '\n', stderr: /^fsq enqueue: line 1: .*UTF-8/ })
  t.strictSame(contentsOf(here.queue), nothing)
})

t.test('without a queue every line fails', { buffered: true }, async (t) => {
  const here = await place(t)
  const ended = await here.fsq(['enqueue', '--batch', 'nosuch'], { input: lines({}) })
  check(t, ended, {
    status: 111,
    stdout: '\n',
    stderr: /^fsq enqueue: line 1: no such queue: nosuch/,
  })
})

t.test('mode, owner and trigger count for a batch too', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  await queue.trigger()
  const fd = openSync(queue.context.paths.trigger, constants.O_RDWR | constants.O_NONBLOCK)
  const owner = notRoot === false ? ['-u', '12345'] : []
  const input = lines({}, {}, {})
  check(t, await fsq(['enqueue', '--batch', '-t', '-m', '604', ...owner, 'q'], { input }), {
    stdout: /^(_.*\n){3}$/,
  })
  for (const name of entriesOf(queue.context.paths.queue))
    t.equal(modeOf(`${queue.context.paths.queue}/${name}`), '604')
  t.equal(readSync(fd, Buffer.alloc(9)), 1, 'the trigger was pulled once')
  closeSync(fd)
})

t.test('lines with keys', { buffered: true }, async (t) => {
  const here = await place(t)
  const input = lines({ id: 'a' }, { id: 'a', args: ['again'] }, { id: 'b' }, {})
  const { status, stdout } = await here.fsq(['enqueue', '--batch', 'q'], { input })
  t.equal(status, 0)
  const names = stdout.trimEnd().split('\n')
  t.equal(names[1], names[0])
  t.strictSame(contentsOf(here.queue)['queue'], [...new Set(names)].sort())
  const replace = lines({ id: 'a', onDuplicate: 'error' }, { id: 'b' })
  const words = ['enqueue', '--batch', '--on-duplicate=replace', 'q']
  const ended = await here.fsq(words, { input: replace })
  const [, other = ''] = ended.stdout.split('\n')
  check(t, ended, {
    status: 111,
    stdout: `\n${other}\n`,
    stderr: `fsq enqueue: line 1: an item was enqueued to q under that id already: ${names[0] ?? ''}\n`,
  })
  t.not(other, names[2])
  for (const [line, message] of [
    [{ id: 7 }, /line 1: "id" is not a string/],
    [{ id: '' }, /line 1: Expected `id` to be text that is not empty/],
    [{ onDuplicate: 'no' }, /line 1: Expected `onDuplicate` to be/],
  ] as const) {
    const refused = await here.fsq(['enqueue', '--batch', 'q'], { input: lines(line) })
    check(t, refused, { status: 111, stdout: '\n', stderr: message })
  }
})
