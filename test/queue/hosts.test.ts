import { lstatSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { ScanOptions } from '../../lib/queue/scan.js'
import type { Queue } from '../../lib/root/queue.js'
import { modeOf } from '../helpers/mode.js'
import {
  contentsOf,
  entriesOf,
  nothing,
  temporaryQueue,
  temporaryRoot,
} from '../helpers/temporary.js'

/** A queue with host queues. */
async function withHosts(t: Test, ...hosts: readonly string[]): Promise<Queue> {
  return temporaryQueue(t, {}, { hosts })
}

/** The hosts and arguments of what a scan yields, and the code of the error that ends it, if any. */
async function scanned(queue: Queue, options: ScanOptions): Promise<string[]> {
  const seen: string[] = []
  try {
    for await (const item of queue.scan(options)) {
      seen.push(`${item.queue} ${item.host ?? '-'} ${item.arguments.join(' ')}`)
      await item.done()
    }
  } catch (error) {
    seen.push((error as { code: string }).code)
  }
  return seen
}

t.test('a host queue has the layout of fsq(7), and the modes of a queue', async (t) => {
  const queue = await temporaryQueue(t)
  t.equal(await queue.installHost('backup1', { mode: 0o2750, down: true }), true)
  const { hosts } = queue.context.paths
  t.strictSame(entriesOf(queue.path), ['done', 'fail', 'hosts', 'queue', 'tmp'])
  t.strictSame(entriesOf(`${hosts}/backup1`), ['done', 'down', 'fail', 'queue', 'tmp'])
  for (const path of [hosts, `${hosts}/backup1`, `${hosts}/backup1/queue`])
    t.equal(modeOf(path), '2750', path)
  t.equal(modeOf(`${hosts}/backup1/down`), '640')
  t.strictSame(entriesOf(hosts), ['backup1'], 'and nothing else is left')
})

t.test('it is installed into a directory of hosts that is there and empty', async (t) => {
  const queue = await temporaryQueue(t)
  mkdirSync(queue.context.paths.hosts)
  t.equal(await queue.installHost('a'), true)
  t.strictSame(await queue.hosts(), ['a'])
})

t.test('a queue is installed with its host queues at once', async (t) => {
  const root = temporaryRoot(t)
  const queue = await root.install('q', {
    hosts: ['b', 'a', 'b'],
    hostTriggered: true,
    down: true,
    triggered: true,
  })
  t.strictSame(await queue.hosts(), ['a', 'b'])
  t.ok(lstatSync(queue.context.paths.hostsTrigger).isFIFO())
  t.equal(modeOf(queue.context.paths.hostsTrigger), '640', 'like any trigger')
  for (const host of ['a', 'b'])
    t.strictSame(entriesOf(queue.host(host).path), ['done', 'down', 'fail', 'queue', 'tmp'])
  await t.rejects(root.install('other', { hosts: ['a', '../b'] }), { code: 'FSQ_PATH' })
  t.strictSame(entriesOf(root.settings.root), ['q'], 'a bad name leaves nothing')
})

t.test('a host queue that is there is an error, left alone, or replaced', async (t) => {
  const queue = await withHosts(t, 'a')
  await queue.host('a').enqueue('')
  await t.rejects(queue.installHost('a'), {
    code: 'FSQ_QUEUE_EXISTS',
    message: /^host queue exists: q\/a /,
  })
  t.equal(await queue.installHost('a', { ifExists: 'ignore' }), false)
  t.equal(contentsOf(queue.host('a'))['queue']?.length, 1)
  t.equal(await queue.installHost('a', { ifExists: 'replace' }), true)
  t.strictSame(contentsOf(queue.host('a')), nothing)
})

t.test('names that no host can have', async (t) => {
  const queue = await temporaryQueue(t)
  for (const name of ['', '.', '..', 'a/b', '/etc', 'a\0', '.hidden'])
    t.throws(() => queue.host(name), { code: 'FSQ_PATH', message: /^illegal host name/ })
  t.throws(() => queue.host(7 as never), TypeError)
})

t.test('a host queue has no host queues', async (t) => {
  const queue = await withHosts(t, 'a')
  const hostQueue = queue.host('a')
  const error = {
    code: 'FSQ_PATH',
    message: /^q\/[ac] is a host queue, which has no host queues of its own$/,
  }
  for (const attempt of [
    () => hostQueue.host('b'),
    async () => hostQueue.installHost('b'),
    async () => queue.installHost('c', { hosts: ['b'] }),
    async () => hostQueue.scan({ host: 'b' }).next(),
    async () => hostQueue.exec(['true'], { hosts: ['b'] }),
    async () => hostQueue.work(() => undefined, { hosts: 'all' }),
    async () => hostQueue.distribute(),
  ])
    await t.rejects(async () => attempt(), error, String(attempt))
  t.strictSame(await hostQueue.hosts(), [])
  t.strictSame(await queue.hosts(), ['a'])
  t.strictSame(entriesOf(hostQueue.path), ['done', 'fail', 'queue', 'tmp'])
})

t.test('a host queue has no trigger of its own', async (t) => {
  const queue = await temporaryQueue(t, { useTrigger: true })
  for (const options of [{ triggered: true }, { hostTriggered: true }])
    await t.rejects(
      queue.installHost('a', options),
      {
        code: 'FSQ_INSTALL',
        message:
          'cannot install q/a with a trigger: host queues share one ("fsq trigger --hosts q" makes it)',
      },
      Object.keys(options).join(),
    )
  t.strictSame(await queue.hosts(), [])
  await queue.installHost('a')
  t.strictSame(entriesOf(queue.host('a').path), ['done', 'fail', 'queue', 'tmp'])
})

t.test('what is missing is said', async (t) => {
  const root = temporaryRoot(t)
  await t.rejects(root.queue('nosuch').installHost('a'), { code: 'FSQ_NO_QUEUE' })
  await t.rejects(root.queue('nosuch').hosts(), { code: 'FSQ_NO_QUEUE' })
  const queue = await root.install('q')
  t.strictSame(await queue.hosts(), [])
  const missing = {
    code: 'FSQ_NO_QUEUE',
    message: /^no such host queue: q\/a \("fsq add-host a q"/,
  }
  for (const attempt of [
    async () => queue.host('a').enqueue(''),
    async () => queue.downHost('a'),
    async () => queue.upHost('a'),
    async () => queue.hostIsDown('a'),
    async () => queue.host('a').trigger(),
    async () => queue.host('a').untrigger(),
    async () => queue.host('a').triggerPull({ ignoreListener: true }),
    async () => queue.host('a').hostTrigger(),
    async () => queue.uninstallHost('a'),
    async () => queue.scan({ host: 'a' }).next(),
    async () => queue.exec(['true'], { hosts: ['a'] }),
    async () => queue.work(() => undefined, { host: 'a' }),
  ])
    await t.rejects(
      Promise.resolve(attempt()).then(() => undefined),
      missing,
      String(attempt),
    )
  t.strictSame(entriesOf(queue.path), ['done', 'fail', 'queue', 'tmp'])
  await t.rejects(queue.scan({ hosts: 'all' }).next(), {
    code: 'FSQ_NO_QUEUE',
    message: 'q has no host queues ("fsq add-host HOST q" makes one)',
  })
})

t.test('hosts that are listed', async (t) => {
  const queue = await withHosts(t, 'b', 'a')
  const { hosts } = queue.context.paths
  mkdirSync(`${hosts}/.a.install-0123456789ab/queue`, { recursive: true })
  mkdirSync(`${hosts}/not-a-queue`)
  writeFileSync(`${hosts}/file`, '')
  mkdirSync(Buffer.from(`${hosts}/\xff`, 'latin1'))
  t.strictSame(await queue.hosts(), ['a', 'b'])
})

t.test('a file in place of the directory of hosts is not touched', async (t) => {
  const queue = await temporaryQueue(t)
  writeFileSync(queue.context.paths.hosts, 'mine')
  await t.rejects(queue.installHost('a'), { code: 'FSQ_INSTALL', message: /^cannot keep host/ })
  t.strictSame(await queue.hosts(), [])
})

t.test('a host queue is down when it is, and when its queue is', async (t) => {
  const queue = await withHosts(t, 'a', 'b')
  t.equal(await queue.hostIsDown('a'), false)
  await queue.downHost('a')
  t.strictSame([await queue.hostIsDown('a'), await queue.hostIsDown('b')], [true, false])
  t.equal(await queue.isDown(), false)
  await queue.upHost('a')
  t.equal(await queue.hostIsDown('a'), false)
  await queue.down()
  t.equal(await queue.hostIsDown('a'), true)
  await queue.upHost('a')
  t.equal(await queue.hostIsDown('a'), true, 'its queue is down still')
})

t.test('host queues share one trigger', async (t) => {
  const queue = await withHosts(t, 'a', 'b')
  await t.rejects(queue.hostTriggerPull(), {
    code: 'FSQ_NO_TRIGGER',
    message: /^the host queues of q have no trigger \("fsq trigger --hosts q" makes it\)$/,
  })
  await queue.hostTrigger({ mode: 0o600 })
  t.equal(modeOf(queue.context.paths.hostsTrigger), '600')
  await t.rejects(queue.host('b').triggerPull(), {
    code: 'FSQ_NO_LISTENER',
    message: 'nobody listens to the trigger of the host queues of q',
  })
  await t.resolves(queue.hostTriggerPull({ ignoreListener: true }))
  await queue.host('a').untrigger()
  t.notOk(entriesOf(queue.path).includes('hosts-trigger-s'))
  await t.resolves(queue.hostUntrigger(), 'harmless where there is none')
})

t.test('a scan of host queues', async (t) => {
  const fill = async (): Promise<Queue> => {
    const queue = await withHosts(t, 'a', 'b', 'c')
    const at = (second: number): Date => new Date(2026, 0, 1, 0, 0, second)
    for (const [host, argument, second] of [
      ['a', 'first', 1],
      ['b', 'second', 2],
      ['a', 'third', 3],
      ['c', 'fourth', 4],
    ] as const)
      await queue.host(host).enqueue('', [argument], { enqueuedAt: at(second) })
    await queue.enqueue('', ['own'])
    return queue
  }
  const [first, second, third, fourth] = ['q a first', 'q b second', 'q a third', 'q c fourth']
  const cases: readonly (readonly [string, ScanOptions, string[], ((queue: Queue) => unknown)?])[] =
    [
      ['of one', { host: 'a' }, [first, third]],
      ['of some, in the order of enqueueing', { hosts: ['c', 'a'] }, [first, third, fourth]],
      ['of all', { hosts: 'all' }, [first, second, third, fourth]],
      ['of one given twice', { hosts: ['a', 'a'] }, [first, third]],
      ['of all, with a limit', { hosts: 'all', limit: 3 }, [first, second, third]],
      ['of the queue itself', {}, ['q - own']],
      ['one that is down', { host: 'a' }, ['FSQ_DOWN'], (queue) => queue.downHost('a')],
      [
        'of all, one of which is down',
        { hosts: 'all' },
        [second, fourth, 'FSQ_DOWN'],
        (queue) => queue.downHost('a'),
      ],
      ['of all of a queue that is down', { hosts: 'all' }, ['FSQ_DOWN'], (queue) => queue.down()],
      [
        'of all, one of which is down, which is ignored',
        { hosts: 'all', ignoreDown: true },
        [first, second, third, fourth],
        (queue) => queue.downHost('a'),
      ],
    ]
  for (const [name, options, expected, before] of cases) {
    t.test(name, async (t) => {
      const queue = await fill()
      await before?.(queue)
      t.strictSame(await scanned(queue, options), expected)
    })
  }
  const queue = await withHosts(t, 'a')
  await t.rejects(queue.scan({ host: 'a', hosts: ['a'] }).next(), TypeError)
  await t.rejects(queue.scan({ hosts: [] }).next(), TypeError)
  await t.rejects(queue.scan({ hosts: 'a' as never }).next(), TypeError)
})

t.test('items of a host queue are finished in it', async (t) => {
  const queue = await withHosts(t, 'a')
  const host = queue.host('a')
  const ids = [await host.enqueue('x', ['one']), await host.enqueue('y', ['two'])]
  for await (const item of queue.scan({ host: 'a' }))
    await (item.arguments[0] === 'one' ? item.done() : item.failPerm())
  t.strictSame(contentsOf(host), { ...nothing, done: [ids[0]], fail: [ids[1]] })
  t.strictSame(contentsOf(queue), nothing)
  const third = await host.enqueue('z')
  using claimed = await host.claim(third)
  t.match(claimed, { queue: 'q', host: 'a' })
})

t.test('an item is put into host queues', async (t) => {
  const queue = await withHosts(t, 'a', 'b')
  const id = await queue.enqueue('body', ['x'])
  const item = await queue.claim(id)
  t.equal(await queue.reenqueue(item, { host: 'a' }), true)
  t.equal(await queue.reenqueue(item, { hosts: 'all' }), true, 'b did not have it')
  t.equal(await queue.reenqueue(item, { hosts: ['a', 'b'], link: true }), false)
  for (const host of ['a', 'b']) {
    t.strictSame(contentsOf(queue.host(host)), { ...nothing, queue: [id] })
    using copy = await queue.host(host).claim(id)
    t.equal(await copy.text(), 'body')
  }
  await item.done()
})

t.test('a host queue is uninstalled', async (t) => {
  const queue = await withHosts(t, 'a', 'b')
  await queue.host('a').enqueue('')
  await t.rejects(queue.uninstallHost('a'), {
    code: 'FSQ_QUEUE_NOT_EMPTY',
    message: '1 item waits in q/a; scan the queue first, or lose them: "fsq uninstall -f q/a"',
  })
  t.equal(await queue.hostIsDown('a'), false, 'and is as it was')
  await queue.uninstallHost('b')
  await queue.uninstallHost('a', { force: true })
  t.strictSame(entriesOf(queue.context.paths.hosts), [])
  await queue.installHost('a')
  await queue.host('a').enqueue('')
  await t.rejects(queue.uninstall(), { code: 'FSQ_QUEUE_NOT_EMPTY' }, 'nor is its queue removed')
})

t.test('a link in place of a host queue is not removed, nor what it leads to', async (t) => {
  const queue = await withHosts(t, 'a')
  const { hosts } = queue.context.paths
  renameSync(`${hosts}/a`, `${queue.path}/../elsewhere`)
  symlinkSync(`${queue.path}/../elsewhere`, `${hosts}/a`)
  await t.rejects(queue.uninstallHost('a', { force: true }), { code: 'FSQ_NO_QUEUE' })
  t.ok(lstatSync(`${queue.path}/../elsewhere/queue`).isDirectory())
})
