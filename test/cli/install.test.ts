import { lstatSync, mkdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { cannotBeNobody, check, nobody, notRoot, place } from '../helpers/cli.js'
import { modeOf } from '../helpers/mode.js'
import { contentsOf, entriesOf, nothing, underUmask } from '../helpers/temporary.js'

t.jobs = 4

/** Mode and owner of a file, as `640 1:2`. */
function aboutOf(path: string): string {
  const { uid, gid } = lstatSync(path)
  return `${modeOf(path)} ${uid}:${gid}`
}

t.test('install makes the directories of a queue, and no more', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  const { root: top } = root.settings
  const ended = await fsq(['install', '-v', 'x'])
  check(t, ended, { stderr: `fsq install: installing x to ${top}\n` })
  t.strictSame(entriesOf(`${top}/x`), ['done', 'fail', 'queue', 'tmp'])
  t.strictSame(entriesOf(top), ['q', 'x'], 'nothing hidden is left')
})

t.test('modes are exact, whatever the umask', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  const x = `${root.settings.root}/x`
  const y = `${root.settings.root}/y`
  const z = `${root.settings.root}/z`
  await underUmask(0o077, () =>
    Promise.all([
      fsq(['install', '-dt', 'x']),
      fsq(['install', '-d', '--triggered', '--mode=2775', 'y']),
      fsq(['install', '-d', 'z'], {
        env: { FSQ_QUEUE_MODE: '0750', FSQ_ITEM_MODE: '00604', FSQ_USE_TRIGGER: '1' },
      }),
    ]),
  )
  for (const [queue, directory, file] of [
    [x, '2770', '640'],
    [y, '2775', '664'],
    [z, '750', '604'],
  ] as const) {
    for (const name of ['', '/tmp', '/queue', '/done', '/fail'])
      t.equal(modeOf(queue + name), directory, queue + name)
    for (const name of ['/down', '/trigger-s']) t.equal(modeOf(queue + name), file, queue + name)
    t.ok(lstatSync(`${queue}/down`).isFile())
    t.ok(lstatSync(`${queue}/trigger-s`).isFIFO())
  }
})

t.test('install -o and -g give all of it away', { buffered: true, skip: notRoot }, async (t) => {
  const { fsq, root } = await place(t)
  const x = `${root.settings.root}/x`
  const y = `${root.settings.root}/y`
  const [flags, variables] = await Promise.all([
    fsq(['install', '-dt', '-o', '12345', '--group', '12346', '-m', '2770', 'x']),
    fsq(['install', '-dt', 'y'], {
      env: {
        FSQ_QUEUE_USER: '1',
        FSQ_QUEUE_GROUP: '2',
        FSQ_ITEM_USER: '3',
        FSQ_ITEM_GROUP: '4',
      },
    }),
  ])
  check(t, flags)
  check(t, variables)
  for (const name of ['', '/tmp', '/queue', '/done', '/fail']) {
    t.equal(aboutOf(x + name), '2770 12345:12346', `x${name}`)
    t.equal(aboutOf(y + name), '2770 1:2', `y${name}`)
  }
  for (const name of ['/down', '/trigger-s']) {
    t.equal(aboutOf(x + name), '660 12345:12346', `x${name}`)
    t.equal(aboutOf(y + name), '640 3:4', `y${name}`)
  }
})

t.test('a queue that exists is left as it is', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const id = await queue.enqueue('body')
  const [plain, ignored, verbose] = await Promise.all([
    fsq(['install', '-dt', 'q']),
    fsq(['install', '-dti', 'q']),
    fsq(['install', '-v', '--ignore-exists', 'q']),
  ])
  check(t, plain, { status: 111, stderr: `fsq install: queue exists: q (${queue.path})\n` })
  check(t, ignored, {}, '-i is quiet')
  check(t, verbose, { stderr: /^.*\nfsq install: skipping q; already installed\n$/ })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  t.strictSame(entriesOf(queue.path), ['done', 'fail', 'queue', 'tmp'])
  t.strictSame(entriesOf(root.settings.root), ['q'], 'nothing hidden is left')
})

t.test('install -f makes the queue anew, with the other flags', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  await queue.enqueue('body')
  check(t, await fsq(['install', '-f', '-d', 'q', '-t', '-m', '700']))
  t.strictSame(contentsOf(queue), nothing)
  t.strictSame(entriesOf(queue.path), ['done', 'down', 'fail', 'queue', 'tmp', 'trigger-s'])
  t.equal(modeOf(queue.path), '700')
  t.strictSame(entriesOf(root.settings.root), ['q'], 'nothing hidden is left')
})

t.test('one queue that fails does not keep the others back', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  const { root: top } = root.settings
  writeFileSync(`${top}/file`, '')
  const ended = await fsq(['install', 'x', 'q', 'a/b', '..', '', 'file', 'y'])
  check(t, ended, { status: 111, stderr: /^(fsq install: .*\n){5}$/ })
  const lines = ended.stderr.split('\n')
  t.match(lines[0], 'queue exists: q')
  t.match(lines[1], 'no such queue: a ')
  t.match(lines[2], /"\.\."/)
  t.match(lines[3], /""/)
  t.match(lines[4], `cannot install ${top}/file: a file of that name is there`)
  t.strictSame(entriesOf(top), ['file', 'q', 'x', 'y'])
})

t.test('of several that install one queue at once, one does', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  const all = await Promise.all([1, 2, 3, 4].map(() => fsq(['install', 'x'])))
  t.strictSame(all.map(({ status }) => status).sort(), [0, 111, 111, 111])
  t.strictSame(entriesOf(root.settings.root), ['q', 'x'])
  t.strictSame(entriesOf(`${root.settings.root}/x`), ['done', 'fail', 'queue', 'tmp'])
})

t.test('install makes the root, with those above it', { buffered: true }, async (t) => {
  const { fsq, directory } = await place(t)
  check(t, await fsq(['-r', `${directory}/a/b/c`, 'install', 'x']))
  t.strictSame(entriesOf(`${directory}/a/b/c`), ['x'])
})

t.test('an empty directory of that name becomes the queue', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  mkdirSync(`${root.settings.root}/x`)
  check(t, await fsq(['install', 'x']))
  t.strictSame(entriesOf(`${root.settings.root}/x`), ['done', 'fail', 'queue', 'tmp'])
})

t.test(
  'where the root cannot be made, the message says how to name another',
  { buffered: true, skip: await cannotBeNobody() },
  async (t) => {
    const { fsq, root } = await place(t)
    const top = `${root.settings.root}/sub`
    const ended = await fsq(['-r', top, 'install', 'x'], { uid: nobody })
    const how = 'name another directory with -r DIR, FSQ_ROOT or the option root'
    check(t, ended, {
      status: 111,
      stderr: `fsq install: cannot keep queues in ${top}: permission denied; ${how}\n`,
    })
    t.strictSame(entriesOf(root.settings.root), ['q'])
  },
)

t.test('uninstall removes queues, finished items included', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  await root.install('x')
  const id = await queue.enqueue('')
  await (await queue.claim(id)).done()
  const ended = await fsq(['uninstall', '-v', 'q', 'nosuch', 'x'])
  check(t, ended, {
    status: 111,
    stderr:
      /^fsq uninstall: q is gone\nfsq uninstall: no such queue: nosuch .*\nfsq uninstall: x is gone\n$/,
  })
  t.strictSame(entriesOf(root.settings.root), [], 'nothing hidden is left')
})

t.test('uninstall leaves a queue alone in which items wait', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const id = await queue.enqueue('')
  check(t, await fsq(['uninstall', 'q']), {
    status: 111,
    stderr:
      'fsq uninstall: 1 item waits in q; scan the queue first, or lose them: "fsq uninstall -f q"\n',
  })
  t.strictSame(contentsOf(queue), { ...nothing, queue: [id] })
  t.equal(await queue.isDown(), false, 'it is up as before')
  check(t, await fsq(['uninstall', '--force', 'q']), {}, 'unless forced')
  t.strictSame(entriesOf(root.settings.root), [])
})
