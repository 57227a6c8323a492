import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { Queue } from '../../lib/root/queue.js'
import { openRoot } from '../../lib/root/root.js'
import { lastFailures } from '../../lib/upkeep/last-failures.js'
import { showItem } from '../../lib/upkeep/show-item.js'
import { setEnvironment } from '../helpers/environment.js'
import { entriesOf, temporaryDirectory, temporaryRoot } from '../helpers/temporary.js'

t.test('a root has the queues that were installed, sorted', async (t) => {
  const root = temporaryRoot(t)
  for (const name of ['b', 'a', 'c.d', 'é']) await root.install(name)
  t.strictSame(await root.queues(), ['a', 'b', 'c.d', 'é'])
  await root.uninstall('b')
  t.strictSame(await root.queues(), ['a', 'c.d', 'é'])
})

t.test('what is hidden, or has no queue/, is no queue', async (t) => {
  const root = temporaryRoot(t)
  const directory = root.settings.root
  mkdirSync(`${directory}/.hidden/queue`, { recursive: true })
  mkdirSync(`${directory}/other`)
  mkdirSync(`${directory}/with-a-file`)
  writeFileSync(`${directory}/with-a-file/queue`, '')
  writeFileSync(`${directory}/file`, '')
  t.strictSame(await root.queues(), [])
})

t.test('a root that is missing, or a file, cannot be listed', async (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(`${directory}/file`, '')
  const message =
    /^cannot list the queues in .*; (the first install makes it; or )?name another directory with -r DIR, FSQ_ROOT or/
  for (const name of ['missing', 'file']) {
    const path = `${directory}/${name}`
    await t.rejects(openRoot({ root: path }).queues(), { code: 'FSQ_NO_ROOT', message, path })
  }
})

t.test('.. in the path of a root is what it is for the system', async (t) => {
  const directory = temporaryDirectory(t)
  mkdirSync(`${directory}/far/away`, { recursive: true })
  symlinkSync('far/away', `${directory}/link`)
  for (const [path, where] of [
    ['link/../root', 'far/root'],
    ['far/../root', 'root'],
    ['missing/../other', 'other'],
  ] as const) {
    const queue = await openRoot({ root: `${directory}/${path}` }).install('q')
    await queue.enqueue('', ['a'])
    t.equal(entriesOf(`${directory}/${where}/q/queue`).length, 1, path)
  }
})

t.test('opening a root and naming a queue touch nothing', async (t) => {
  const directory = temporaryDirectory(t)
  const queue = openRoot({ root: `${directory}/missing` }).queue('q')
  t.equal(queue.name, 'q')
  t.equal(queue.path, `${directory}/missing/q`)
  t.strictSame(entriesOf(directory), [])
})

t.test('install gives the queue', async (t) => {
  const queue = await temporaryRoot(t).install('q')
  t.type(queue, Queue)
  t.equal(queue.name, 'q')
})

for (const name of ['', '.', '..', '.hidden', 'a/b', '/a', 'a/', '../a', 'a\0b']) {
  t.test(`the name ${JSON.stringify(name)} is no queue’s`, async (t) => {
    const root = temporaryRoot(t)
    const illegal = {
      code: 'FSQ_PATH',
      message: new RegExp(`^illegal queue name: .* \\(a name is not empty`),
      queue: name,
    }
    t.throws(() => root.queue(name), illegal)
    await t.rejects(root.install(name), illegal)
    await t.rejects(root.uninstall(name), illegal)
  })
}

t.test('a name that is no string is a TypeError', async (t) => {
  const root = temporaryRoot(t)
  t.throws(() => root.queue(1 as unknown as string), {
    name: 'TypeError',
    message: 'Expected the name of a queue to be a string, got number',
  })
})

t.test('an unknown charset and an unusable time format are errors of the queue', async (t) => {
  t.throws(() => temporaryRoot(t, { charset: 'klingon' }).queue('q'), { code: 'FSQ_COERCE' })
  t.throws(() => temporaryRoot(t, { timefmt: '%s' }).queue('q'), { code: 'FSQ_TIMEFMT' })
})

t.test('an error names the variable that a value came from, and no option', async (t) => {
  setEnvironment(t, { FSQ_ITEM_USER: 'nosuch' })
  const unknown = { code: 'FSQ_NO_USER', message: 'no such user: nosuch' }
  const named = { ...unknown, message: 'FSQ_ITEM_USER: no such user: nosuch' }
  await t.rejects(temporaryRoot(t, { itemUser: 'nosuch' }).install('q'), unknown)
  const root = openRoot({ root: temporaryDirectory(t) })
  await t.rejects(root.install('q'), named)
  await t.rejects(root.install('q', { itemUser: 'nosuch' }), unknown)
  const queue = await root.install('q', { itemUser: 0 })
  await t.rejects(queue.enqueue(''), named)
  await t.rejects(queue.enqueue('', [], { user: 'nosuch' }), unknown)
  t.throws(() => openRoot({ charset: 'klingon' }), { message: /^unknown charset/ })
})

t.test('settings are read when the root is opened, and stay', async (t) => {
  setEnvironment(t, { FSQ_ROOT: '/a', FSQ_TTL: '7' })
  const root = openRoot({ maxTries: 3 })
  setEnvironment(t, { FSQ_ROOT: '/b', FSQ_TTL: '8' })
  t.match(root.settings, { root: '/a', ttl: 7, maxTries: 3 })
  t.match(openRoot().settings, { root: '/b', ttl: 8, maxTries: 1 })
})

t.test('a variable of the wrong form is an error, an option a TypeError', async (t) => {
  setEnvironment(t, { FSQ_TTL: 'soon' })
  t.throws(() => openRoot(), { code: 'FSQ_ENV', message: /^Expected FSQ_TTL to be .* got "soon"$/ })
  t.throws(() => openRoot({ ttl: -1 }), { name: 'TypeError', message: /^Expected ttl to be / })
})

t.test('an option that is misspelt is a TypeError, and nothing is done', async (t) => {
  const root = temporaryRoot(t)
  const queue = await root.install('q', { hosts: ['h'] })
  const id = await queue.enqueue('')
  using item = await queue.claim(id)
  const other = await root.install('other')
  const misspelt = { mod: 1 } as object
  const calls: Record<string, () => Promise<unknown>> = {
    claim: () => queue.claim(id, misspelt),
    down: () => queue.down(misspelt),
    lastFailures: () => lastFailures(queue, misspelt),
    reenqueue: () => other.reenqueue(item, misspelt),
    showItem: () => showItem(queue, id, misspelt),
    trigger: () => queue.trigger(misspelt),
    'hosts trigger': () => queue.hostTrigger(misspelt),
    triggerPull: () => queue.triggerPull(misspelt),
    uninstall: () => queue.uninstall(misspelt),
  }
  for (const [what, call] of Object.entries(calls))
    await t.rejects(
      call(),
      { name: 'TypeError', message: /^Expected an option of .*got mod; / },
      what,
    )
  t.strictSame(readdirSync(queue.context.paths.directory).sort(), [
    ...['done', 'fail', 'hosts', 'queue', 'tmp'],
  ])
  t.equal(await queue.isDown(), false)
  t.strictSame(entriesOf(other.context.paths.queue), [])
})
