import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { Incoming } from '../../lib/queue/incoming.js'
import { openRoot, type Root } from '../../lib/root/root.js'
import { itemName, putEntry } from '../helpers/entries.js'
import {
  contentsOf,
  entriesOf,
  temporaryDirectory,
  temporaryQueue,
  temporaryRoot,
} from '../helpers/temporary.js'

t.test('a queue goes with its finished items, and with leftovers in tmp/', async (t) => {
  const queue = await temporaryQueue(t, {}, { triggered: true })
  const { paths, settings } = queue.context
  for (const directory of [paths.tmp, paths.done, paths.fail]) putEntry(directory, itemName())
  await queue.uninstall()
  t.strictSame(entriesOf(settings.root), [])
})

for (const wasDown of [false, true]) {
  t.test(`items that wait keep a queue that is ${wasDown ? 'down' : 'up'}`, async (t) => {
    const queue = await temporaryQueue(t, {}, { down: wasDown })
    await queue.enqueue('precious')
    await queue.enqueue('precious too')
    const before = contentsOf(queue)
    await t.rejects(queue.uninstall(), {
      code: 'FSQ_QUEUE_NOT_EMPTY',
      message: '2 items wait in q; scan the queue first, or lose them: "fsq uninstall -f q"',
      queue: 'q',
    })
    t.strictSame(contentsOf(queue), before)
    t.equal(await queue.isDown(), wasDown)
    t.strictSame(entriesOf(queue.context.settings.root), ['q'])
  })
}

for (const host of [undefined, 'h'])
  t.test(`an item that is on its way into queue/ waits, host ${host}`, async (t) => {
    const queue = await temporaryQueue(t, {}, { hosts: ['h'] })
    const own = host === undefined ? queue : queue.host(host)
    {
      using incoming = await Incoming.open(own.context)
      await incoming.stage(itemName(), 'precious')
    }
    const code = 'FSQ_QUEUE_NOT_EMPTY'
    await t.rejects(queue.uninstall(), { code, message: /^1 item waits in q; / })
    {
      using incoming = await Incoming.open(own.context)
      await incoming.find(itemName())?.publish()
    }
    await t.rejects(queue.uninstall(), { code, message: /^1 item waits in q; / }, 'it is one')
    for await (const item of own.scan()) await item.done()
    await queue.uninstall()
  })

t.test('items that wait go where it is forced', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.enqueue('')
  await queue.uninstall({ force: true })
  t.strictSame(entriesOf(queue.context.settings.root), [])
})

t.test('links are removed, not followed', async (t) => {
  const queue = await temporaryQueue(t)
  const outside = temporaryDirectory(t)
  writeFileSync(`${outside}/file`, 'precious')
  symlinkSync(outside, `${queue.path}/done/link`)
  await queue.uninstall()
  t.equal(readFileSync(`${outside}/file`, 'utf8'), 'precious')
})

for (const force of [false, true]) {
  t.test(`where there is no queue, ${force ? 'force changes' : 'that is'} nothing`, async (t) => {
    const root = temporaryRoot(t)
    await t.rejects(root.uninstall('q', { force }), {
      code: 'FSQ_NO_QUEUE',
      message: /^no such queue: q \(in .*; "fsq install" makes queues\)$/,
    })
    t.strictSame(entriesOf(root.settings.root), [])
  })
}

t.test('where there is no root, that is said', async (t) => {
  const root = openRoot({ root: `${temporaryDirectory(t)}/missing` })
  await t.rejects(root.uninstall('q'), {
    code: 'FSQ_NO_QUEUE',
    message:
      /^no such queue: q \(there is no directory .*\/missing; "fsq install" makes it, FSQ_ROOT or -r names another\)$/,
  })
})

t.test('a file is no queue, and stays', async (t) => {
  const root = temporaryRoot(t)
  writeFileSync(`${root.settings.root}/q`, 'precious')
  await t.rejects(root.uninstall('q'), { code: 'FSQ_NO_QUEUE', message: /^not a queue: / })
  t.equal(readFileSync(`${root.settings.root}/q`, 'utf8'), 'precious')
})

t.test('a directory that is no queue stays as it is', async (t) => {
  const root = temporaryRoot(t)
  mkdirSync(`${root.settings.root}/q`)
  writeFileSync(`${root.settings.root}/q/file`, 'precious')
  await t.rejects(root.uninstall('q'), {
    code: 'FSQ_NO_QUEUE',
    message: /q has file, which is no part of a queue; move it elsewhere$/,
  })
  t.strictSame(entriesOf(root.settings.root), ['q'])
  t.strictSame(entriesOf(`${root.settings.root}/q`), ['file'])
})

t.test('the queue can be installed again', async (t) => {
  const queue = await temporaryQueue(t)
  await queue.uninstall()
  t.equal(await queue.install(), true)
  t.equal(await queue.isDown(), false)
})

for (const [what, act] of [
  ['uninstall with force', (root: Root) => root.queue('home').uninstall({ force: true })],
  ['install with replace', (root: Root) => root.queue('home').install({ ifExists: 'replace' })],
] as const) {
  t.test(`${what} leaves a directory alone that is no queue`, async (t) => {
    const root = temporaryRoot(t)
    const home = `${root.settings.root}/home`
    mkdirSync(home)
    writeFileSync(`${home}/thesis`, 'precious')
    await t.rejects(async () => act(root), {
      code: 'FSQ_NO_QUEUE',
      message: /home has thesis, which is no part of a queue; move it elsewhere$/,
    })
    t.strictSame(entriesOf(root.settings.root), ['home'])
    t.strictSame(entriesOf(home), ['thesis'])
  })
}

t.test('items that wait for a host keep the queue', async (t) => {
  const queue = await temporaryQueue(t)
  const waiting = `${queue.path}/hosts/elsewhere/queue`
  mkdirSync(waiting, { recursive: true })
  putEntry(waiting, itemName())
  await t.rejects(queue.uninstall(), {
    code: 'FSQ_QUEUE_NOT_EMPTY',
    message: /^1 item waits in q;/,
  })
  t.equal(entriesOf(waiting).length, 1)
  t.equal(await queue.isDown(), false)
})

t.test('hidden files that no scan would take keep no queue', async (t) => {
  const queue = await temporaryQueue(t)
  writeFileSync(`${queue.context.paths.queue}/.nfs0001`, '')
  await queue.uninstall()
  t.strictSame(entriesOf(queue.context.settings.root), [])
})

t.test('a link to a queue is left alone, and the queue too', async (t) => {
  const queue = await temporaryQueue(t)
  symlinkSync('q', `${queue.context.settings.root}/link`)
  await t.rejects(
    openRoot({ root: queue.context.settings.root }).uninstall('link', { force: true }),
    {
      code: 'FSQ_NO_QUEUE',
      message: /is a symbolic link$/,
    },
  )
  t.equal(await queue.isDown(), false)
})
