import { closeSync, constants, lstatSync, openSync, readSync } from 'node:fs'
import t from 'tap'
import { statQueue } from '../../lib/upkeep/stat-queue.js'
import { check, place } from '../helpers/cli.js'
import { contentsOf, entriesOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

t.test('a day with host queues', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  const queue = root.queue('q')
  check(t, await fsq(['add-host', 'a', 'q']))
  check(t, await fsq(['add-host', 'b', 'q', 'nosuch']), {
    status: 111,
    stderr: /^fsq add-host: no such queue: nosuch /,
  })
  t.strictSame(await queue.hosts(), ['a', 'b'], 'one that fails does not keep the others back')
  check(t, await fsq(['add-host', 'a', 'q']), {
    status: 111,
    stderr: /^fsq add-host: host queue exists: q\/a /,
  })
  check(t, await fsq(['add-host', '-i', '-v', 'a', 'q']), {
    stderr: /skipping q\/a; already installed/,
  })
  check(t, await fsq(['ls', '-a']), { stdout: 'q\nq/a\nq/b\n' })
  check(t, await fsq(['enqueue', '-e', '--host', 'a', 'q', 'one']))
  check(t, await fsq(['enqueue', '-e', 'q/b', 'two']))
  check(t, await fsq(['down-host', '-v', 'b', 'q']), { stderr: 'fsq down-host: q/b is down\n' })
  check(t, await fsq(['scan', '-a', 'q', 'sh', '-c', 'echo "$FSQ_ITEM_HOST $0"']), {
    status: 111,
    stdout: 'a one\n',
    stderr: 'fsq scan: q/b is down\n',
  })
  check(t, await fsq(['up-host', '-v', 'b', 'q']), { stderr: 'fsq up-host: q/b is up\n' })
  check(t, await fsq(['scan', '-A', 'b', '-A', 'a', 'q', 'echo']), { stdout: 'two\n' })
  check(t, await fsq(['scan', '-a', '-A', 'b', 'q', 'echo']), {
    status: 100,
    stderr: /^fsq scan: -a and -A exclude each other\nusage:/,
  })
  t.equal(contentsOf(queue.host('b'))['done']?.length, 1)
  check(t, await fsq(['enqueue', '-e', 'q/b', 'three']))
  check(t, await fsq(['rm-host', 'b', 'q']), { status: 111, stderr: /^fsq rm-host: 1 item waits/ })
  check(t, await fsq(['rm-host', '-f', 'b', 'q']), { status: 111, stderr: /1 item waits/ })
  check(t, await fsq(['rm-host', '--discard', 'b', 'q']))
  check(t, await fsq(['rm-host', 'b', 'q']), { status: 111, stderr: /no such host queue: q\/b/ })
  check(t, await fsq(['rm-host', '-f', '-v', 'b', 'q']), {
    stderr: 'fsq rm-host: q/b is not there\n',
  })
  check(t, await fsq(['rm-host', '-f', 'b', 'nosuch']), { status: 111, stderr: /no such queue/ })
  t.strictSame(await queue.hosts(), ['a'])
})

t.test('install makes host queues with the queue', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  check(t, await fsq(['install', '-d', '-a', 'x', '--add-host=y', 'mail']))
  t.strictSame(await root.queue('mail').hosts(), ['x', 'y'])
  for (const host of ['x', 'y'])
    t.ok(lstatSync(root.queue('mail').host(host).context.paths.down).isFile())
  check(t, await fsq(['up', 'mail']))
  check(t, await fsq(['scan', '-a', 'mail', 'true']), {
    status: 111,
    stderr: 'fsq scan: mail/x, mail/y are down\n',
  })
})

t.test('operands name host queues', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  await root.queue('q').installHost('a')
  const id = await root.queue('q').host('a').enqueue('body', ['x'])
  const path = root.queue('q').host('a').path
  check(t, await fsq(['path', 'q/a', id]), { stdout: `${path}/queue/${id}\n` })
  check(t, await fsq(['show', '--body', 'q/a', id]), { stdout: 'body' })
  check(t, await fsq(['ls', 'q/a']), { stdout: `${id}\n` })
  check(t, await fsq(['stat']), { stdout: /\nq {2,}[^\n]*\nq\/a {2,}1 / })
  check(t, await fsq(['audit']), { stdout: '' })
  check(t, await fsq(['mv', 'q/a', 'q', id]))
  check(t, await fsq(['mv', '--all', 'q', 'q/a']))
  check(t, await fsq(['fail', 'q/a', id]))
  check(t, await fsq(['requeue', '--all', 'q/a']))
  check(t, await fsq(['done', 'q/a', id]))
  check(t, await fsq(['prune', '--older', '0s', 'q/a']))
  t.strictSame(contentsOf(root.queue('q').host('a')), nothing)
  for (const name of ['q/../q', 'q/a/b', 'q/', '/etc', 'q/.x'])
    check(t, await fsq(['ls', name]), { status: 111, stderr: /^fsq ls: illegal (host|queue) name/ })
})

t.test('a host queue has no host queues', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  const hostQueue = root.queue('q').host('a')
  await hostQueue.install()
  for (const words of [
    ['add-host', 'b', 'q/a'],
    ['install', '-f', '-a', 'b', 'q/a'],
    ['rm-host', '-f', 'b', 'q/a'],
    ['down-host', 'b', 'q/a'],
    ['up-host', 'b', 'q/a'],
    ['enqueue', '-e', '--host', 'b', 'q/a'],
    ['enqueue', '--batch', '--host', 'b', 'q/a'],
    ['scan', '-A', 'b', 'q/a', 'true'],
    ['scan', '-a', 'q/a', 'true'],
    ['work', '-a', 'q/a', '--', 'true'],
    ['host-dist', 'q/a'],
    ['host-dist', 'q/a', 'b'],
  ])
    check(
      t,
      await fsq(words),
      {
        status: 111,
        stderr: `fsq ${words[0]}: q/a is a host queue, which has no host queues of its own\n`,
      },
      words.join(' '),
    )
  check(t, await fsq(['install', '-t', 'q/b']), {
    status: 111,
    stderr: /^fsq install: cannot install q\/b with a trigger: [^\n]*\n$/,
  })
  t.strictSame(entriesOf(hostQueue.path), ['done', 'fail', 'queue', 'tmp'])
  t.strictSame(await root.queue('q').hosts(), ['a'])
})

t.test('install makes a host queue that it is given as a queue', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  check(t, await fsq(['install', '-d', 'q/a'], { env: { FSQ_USE_TRIGGER: '1' } }))
  t.strictSame(await root.queue('q').hosts(), ['a'])
  t.strictSame(entriesOf(root.queue('q').host('a').path), ['done', 'down', 'fail', 'queue', 'tmp'])
  check(t, await fsq(['install', 'nosuch/a']), { status: 111, stderr: /no such queue: nosuch / })
})

t.test('a host queue that is not there is said so', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  for (const command of ['trigger', 'untrigger', 'trigger-pull', 'up', 'down', 'path'])
    check(
      t,
      await fsq([command, 'q/a']),
      {
        status: 111,
        stderr: `fsq ${command}: no such host queue: q/a ("fsq add-host a q" makes it)\n`,
      },
      command,
    )
  t.strictSame(entriesOf(queue.path), ['done', 'fail', 'queue', 'tmp'])
})

t.test('the trigger of the host queues', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  check(t, await fsq(['trigger', '--hosts', '-m', '600', 'q']))
  t.strictSame(entriesOf(root.queue('q').path), ['done', 'fail', 'hosts-trigger-s', 'queue', 'tmp'])
  check(t, await fsq(['trigger-pull', '--hosts', 'q']), {
    status: 111,
    stderr: 'fsq trigger-pull: nobody listens to the trigger of the host queues of q\n',
  })
  check(t, await fsq(['trigger-pull', '--hosts', '-i', 'q']))
  check(t, await fsq(['untrigger', '--hosts', 'q']))
  t.strictSame(entriesOf(root.queue('q').path), ['done', 'fail', 'queue', 'tmp'])
})

t.test('fsq work takes the items of host queues', { buffered: true }, async (t) => {
  const { fsq, start, root } = await place(t)
  for (const host of ['a', 'b']) await root.queue('q').installHost(host)
  await root.queue('q').hostTrigger()
  await root.queue('q').host('a').enqueue('', ['one'])
  const words = ['work', '-a', 'q', '--', 'sh', '-c', 'echo "$FSQ_ITEM_HOST $0"']
  const worker = start(words)
  t.equal(await worker.line(), 'a one')
  const { listeners } = await statQueue(root.queue('q').host('b'))
  t.strictSame(listeners, [worker.pid], 'it listens to the trigger that they share')
  check(t, await fsq(['enqueue', '-e', '--host', 'b', 'q', 'two']))
  t.equal(await worker.line(), 'b two', 'though nobody pulled the trigger')
  check(t, await fsq(['down', 'q']))
  check(t, await fsq(['enqueue', '-e', '--host', 'a', 'q', 'three']))
  check(t, await fsq(['up', 'q']))
  t.equal(await worker.line(), 'a three', 'and it notices that the queue is up')
  worker.kill('SIGTERM')
  t.match(await worker.ended, { status: 0 })
})

t.test('items are spread', { buffered: true }, async (t) => {
  const { fsq, root } = await place(t)
  const queue = root.queue('q')
  for (const host of ['a', 'b']) await queue.installHost(host)
  await queue.hostTrigger()
  const ids = [await queue.enqueue('', ['one']), await queue.enqueue('', ['two'])]
  const spread = await fsq(['host-dist', '-v', '--spread', 'round-robin', '-g', 'q'])
  const lines = [`fsq host-dist: ${ids[0]}: a`, `fsq host-dist: ${ids[1]}: b`]
  t.strictSame(spread.stderr.trim().split('\n').sort(), lines)
  const third = await queue.enqueue('', ['three'])
  await queue.downHost('b')
  const trigger = `${queue.path}/hosts-trigger-s`
  const fd = openSync(trigger, constants.O_RDWR | constants.O_NONBLOCK)
  check(t, await fsq(['host-dist', '-I', '-g', 'q']), {
    status: 111,
    stderr: `fsq host-dist: ${third}: waits for b, which is down\n`,
  })
  t.equal(readSync(fd, Buffer.alloc(9)), 1, 'the other host is told')
  const failTmp = ['-T', '75']
  check(t, await fsq(['host-dist', '-I', ...failTmp, 'q']), { status: 75, stderr: /waits for b/ })
  check(t, await fsq(['host-dist', '-S', '1', '-T', '0', '-I', 'q']), { stderr: /waits for b/ })
  closeSync(fd)
  check(t, await fsq(['host-dist', '-i', '-S', '0', '-T', '111', '-F', '100', 'q', 'b', 'a']))
  t.strictSame(contentsOf(queue), { ...nothing, done: [...ids, third] })
  check(t, await fsq(['host-dist', 'q', 'nosuch']), { status: 111, stderr: /no such host queue/ })
  await queue.down()
  check(t, await fsq(['host-dist', 'q']), { status: 111, stderr: 'fsq host-dist: q is down\n' })
  check(t, await fsq(['host-dist', '-T7', 'q']), {
    status: 7,
    stderr: 'fsq host-dist: q is down\n',
  })
})
