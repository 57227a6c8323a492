import { chmodSync, linkSync, mkdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { cannotBeNobody, check, nobody, place } from '../helpers/cli.js'
import { itemName, putEntry } from '../helpers/entries.js'
import { snapshot } from '../helpers/snapshot.js'
import { contentsOf, entriesOf, nothing } from '../helpers/temporary.js'

t.jobs = 2

const id = itemName({ args: ['a'] })

t.test('a queue in which there is nothing to find', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  await queue.enqueue('')
  for (const command of ['audit', 'repair']) {
    check(t, await fsq([command, '--older', '0s', 'q']), {}, command)
    const word = command === 'audit' ? 'found' : 'mended'
    check(t, await fsq([command, '-v', 'q']), { stderr: `fsq ${command}: q: 0 ${word}\n` })
  }
})

t.test('what is found is printed, then what is done about it', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const { paths } = queue.context
  const [stale, left, harmless] = [
    `${paths.tmp}/${id}`,
    `${paths.done}/x\\x1b[2J`,
    `${paths.fail}/notes`,
  ]
  for (const path of [stale, `${paths.done}/x\x1b[2J`, harmless]) writeFileSync(path, '')
  const lacks = 'the name has 1 of the 5 fields that it needs'
  const audit = await fsq(['audit', '-v', 'q', '--older', '0s'])
  t.strictSame(audit.stdout.replace(/, \d+m?s:/g, ', AGE:').split('\n'), [
    `${left}: malformed, AGE: ${lacks}: move it elsewhere, or remove it (decide yourself)`,
    `${harmless}: malformed, AGE: ${lacks}; here it keeps nobody from anything (nothing to do)`,
    `${stale}: stale, AGE: its enqueue was cut before it was acknowledged ("fsq repair --older 0s q" mends it)`,
    '',
  ])
  check(t, audit, { status: 1, stdout: audit.stdout, stderr: 'fsq audit: q: 3 found\n' })
  const before = snapshot(queue.path)
  check(t, await fsq(['repair', '-v', '--dry-run', '--older', '0s', 'q']), {
    status: 1,
    stdout:
      `${left}: malformed: left; decide yourself: ${lacks}: move it elsewhere, or remove it\n` +
      `${stale}: stale: would be removed: its enqueue was cut before it was acknowledged\n`,
    stderr: 'fsq repair: q: 1 would be mended\n',
  })
  t.strictSame(snapshot(queue.path), before)
  check(t, await fsq(['repair', '-v', '--older', '0s', 'q']), {
    status: 1,
    stdout:
      `${left}: malformed: left; decide yourself: ${lacks}: move it elsewhere, or remove it\n` +
      `${stale}: stale: removed: its enqueue was cut before it was acknowledged\n`,
    stderr: 'fsq repair: q: 1 mended\n',
  })
  t.strictSame(contentsOf(queue), { ...nothing, done: ['x\x1b[2J'], fail: ['notes'] })
})

t.test('all that was found was mended: 0', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  putEntry(queue.context.paths.tmp, id)
  t.equal((await fsq(['repair', '--dry-run', '--older', '0s', 'q'])).status, 0)
  t.equal((await fsq(['audit', '--older', '0s', 'q'])).status, 1)
  t.equal((await fsq(['repair', '--older', '0s', 'q'])).status, 0)
  t.equal((await fsq(['audit', '--older', '0s', 'q'])).status, 0)
})

t.test('what there is nothing to do about is no reason for 1', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  putEntry(queue.context.paths.fail, 'x')
  check(t, await fsq(['audit', 'q']), { stdout: /nothing to do\)\n$/ })
  check(t, await fsq(['repair', 'q']), {})
})

t.test('JSON: an object a line', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const { paths } = queue.context
  putEntry(paths.queue, 'x\n\xff\x9b')
  rmdirSync(paths.done)
  const { status, stdout } = await fsq(['audit', '--json', '--older', '0s', 'q'])
  t.equal(status, 1)
  t.notMatch(stdout, /[^\n\x20-\x7e]/)
  const [first, second, ...others] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  t.strictSame(others, [])
  t.strictSame(first, {
    queue: 'q',
    kind: 'missing-directory',
    state: 'done',
    path: paths.done,
    reason: 'it is not there',
    remedy: 'repair',
  })
  const { age, reason, ...rest } = second ?? {}
  t.ok(Number(age) >= 0 && Number(age) < 60)
  t.type(reason, 'string')
  t.strictSame(rest, {
    queue: 'q',
    kind: 'malformed',
    state: 'queue',
    id: 'x\\x0a\\xff\\x9b',
    path: `${paths.queue}/x\\x0a\\xff\\x9b`,
    remedy: 'repair',
  })
})

t.test('JSON of repair: what was found and what was done', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const { paths } = queue.context
  for (const path of [`${paths.tmp}/${id}`, `${paths.done}/x`]) writeFileSync(path, '')
  const { status, stdout, stderr } = await fsq(['repair', '--json', '--older', '0s', 'q'])
  t.strictSame({ status, stderr }, { status: 1, stderr: '' })
  const lines = stdout.trim().split('\n')
  t.match(
    lines.map((line) => JSON.parse(line) as unknown),
    [
      { queue: 'q', kind: 'malformed', state: 'done', id: 'x', remedy: 'decide', outcome: 'left' },
      { queue: 'q', kind: 'stale', state: 'tmp', id, outcome: 'mended', action: 'removed' },
    ],
  )
})

t.test('-m, -t and their variables are the limits', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const tried = itemName({ tries: 2 })
  putEntry(queue.context.paths.queue, tried)
  const cases: [words: string[], env: Record<string, string>, kind: string | undefined][] = [
    [[], {}, undefined],
    [['-m', '3'], {}, undefined],
    [['-m', '2'], {}, 'exhausted'],
    [['--max-tries=1'], {}, 'exhausted'],
    [[], { FSQ_MAX_TRIES: '2' }, 'exhausted'],
    [['-m0'], { FSQ_MAX_TRIES: '2' }, undefined],
    [['-t', '60'], {}, 'expired'],
    [[], { FSQ_TTL: '60' }, 'expired'],
    [['--ttl', '0'], { FSQ_TTL: '60' }, undefined],
  ]
  for (const [words, env, kind] of cases) {
    const ended = await fsq(['audit', ...words, 'q'], { env })
    const stdout = kind === undefined ? '' : RegExp(`: ${kind}, `)
    check(t, ended, { status: kind === undefined ? 0 : 1, stdout }, JSON.stringify([words, env]))
  }
  check(t, await fsq(['repair', '-m', '2', 'q']), { stdout: /moved to fail\// })
  t.strictSame(contentsOf(queue), { ...nothing, fail: [tried] })
})

t.test('the remedy has the flags that the repair needs', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  for (const name of ["it's", '-q']) {
    const { context } = await root.install(name)
    for (const entry of [id, 'x']) putEntry(context.paths.queue, entry)
  }
  const remedy = async (...words: string[]): Promise<string | undefined> =>
    /expired.*\((.*) mends it\)\n/.exec((await fsq(['audit', ...words])).stdout)?.[1]
  const cases: [words: string[], expected: string][] = [
    [['--older', '0s', '-t1', "it's"], `"fsq repair --older 0s -t 1 'it'\\''s'"`],
    [['--older', '90m', '-m3', '-t1', '--', '-q'], '"fsq repair --older 90m -m 3 -t 1 -- -q"'],
    [['--older', '14d', '-t1', '--', '-q'], '"fsq repair --older 2w -t 1 -- -q"'],
  ]
  for (const [words, expected] of cases) t.equal(await remedy(...words), expected)
  t.match((await fsq(['audit', '--', '-q'])).stdout, /malformed.*\(fsq repair mends it\)\n$/)
})

t.test('without operands, all queues', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const { root: path } = root.settings
  const damaged = await root.install('damaged')
  rmdirSync(damaged.context.paths.queue)
  for (const { context } of [queue, damaged]) putEntry(context.paths.tmp, id)
  mkdirSync(`${path}/other/files`, { recursive: true })
  mkdirSync(`${path}/.hidden/queue`, { recursive: true })
  writeFileSync(`${path}/file`, '')
  for (const command of ['audit', 'repair']) {
    check(t, await fsq([command, '--older', '0s']), {
      status: command === 'audit' ? 1 : 0,
      stdout:
        /^.*damaged\/queue: missing-.*\n.*damaged\/tmp\/.*: stale.*\n.*q\/tmp\/.*: stale.*\n$/,
    })
  }
  check(t, await fsq(['audit', '--older', '0s']), {})
  check(t, await fsq(['-r', `${path}/nosuch`, 'audit']), {
    status: 111,
    stderr: /cannot list the queues/,
  })
})

t.test('one queue that fails does not keep the others back', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const x = await root.install('x')
  for (const { context } of [queue, x]) putEntry(context.paths.tmp, id)
  for (const command of ['audit', 'repair']) {
    const ended = await fsq([command, 'q', 'nosuch', '--older', '0s', 'x'])
    check(t, ended, {
      status: 111,
      stdout: /^.*\n.*\n$/,
      stderr: /^fsq [a-z]+: no such queue.*\n$/,
    })
  }
  for (const each of [queue, x]) t.strictSame(contentsOf(each), nothing)
})

t.test('a queue that was uninstalled is named for what it left', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  const hidden = `${root.settings.root}/.gone.uninstall-0123456789ab`
  mkdirSync(`${hidden}/done`, { recursive: true })
  check(t, await fsq(['repair', 'gone']), { status: 111, stderr: /no such queue: gone/ }, 'not yet')
  check(t, await fsq(['repair', '--older', '0s', 'gone']), {
    stdout: /uninstall-leftover: removed/,
  })
  t.strictSame(entriesOf(root.settings.root), ['q'])
})

const skip = await cannotBeNobody()

t.test(
  'without permission things are left, and it is said',
  { buffered: true, skip },
  async (t) => {
    const { fsq, queue } = await place(t)
    const { paths } = queue.context
    for (const path of [paths.directory, paths.tmp, paths.queue, paths.done, paths.fail])
      chmodSync(path, 0o755)
    chmodSync(putEntry(paths.tmp, 'ours'), 0o644)
    chmodSync(putEntry(paths.tmp, 'secret'), 0o600)
    putEntry(paths.queue, id)
    linkSync(`${paths.queue}/${id}`, `${paths.done}/${id}`)
    mkdirSync(`${paths.queue}/directory`)
    const before = snapshot(queue.path)
    const ended = await fsq(['repair', '--older', '0s', 'q'], { uid: nobody })
    check(t, ended, { status: 1, stdout: /^(.*: left; permission denied: .*\n){4}$/ })
    t.strictSame(snapshot(queue.path), before)
    for (const mode of [0, 0o744, 0o711]) {
      chmodSync(paths.done, mode)
      for (const command of ['audit', 'repair']) {
        const { status, stdout, stderr } = await fsq([command, '--older', '0s', 'q'], {
          uid: nobody,
        })
        t.equal(status, 111)
        t.match(stdout, /queue\/directory: malformed.*(\n.*)*tmp\/ours: stale/, 'the others')
        t.equal(stderr, `fsq ${command}: cannot examine ${paths.done}: permission denied\n`)
      }
    }
  },
)

t.test('nothing behind a link is touched', { buffered: true }, async (t) => {
  const { fsq, queue, directory } = await place(t)
  const { paths } = queue.context
  mkdirSync(`${directory}/outside`)
  putEntry(`${directory}/outside`, id)
  rmdirSync(paths.tmp)
  symlinkSync(`${directory}/outside`, paths.tmp)
  symlinkSync(`${directory}/outside/${id}`, `${paths.queue}/${id}`)
  symlinkSync(`${directory}/outside`, `${paths.directory}/../.q.install-0123456789ab`)
  const before = snapshot(`${directory}/outside`)
  check(t, await fsq(['repair', '--older', '0s', 'q']), { status: 1, stdout: /^/ })
  t.strictSame(snapshot(`${directory}/outside`), before)
  t.strictSame(entriesOf(paths.fail), [id], 'the link in queue/ was moved, as scan does')
})
