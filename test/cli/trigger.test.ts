import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import t, { type Test } from 'tap'
import { check, eventually, notRoot, place, startProgram } from '../helpers/cli.js'
import { modeOf } from '../helpers/mode.js'
import { entriesOf, underUmask } from '../helpers/temporary.js'

t.jobs = 4

/** Opens a trigger as a listener does; how many bytes have come since. */
function listen(t: Test, path: string): { fd: number; received: () => number } {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  t.teardown(() => {
    closeSync(fd)
  })
  const received = (): number => {
    try {
      return readSync(fd, Buffer.alloc(100_000))
    } catch {
      return 0 // EAGAIN: none.
    }
  }
  return { fd, received }
}

t.test('trigger makes the FIFO and untrigger removes it', { buffered: true }, async (t) => {
  const { fsq, queue, root } = await place(t)
  const { trigger } = queue.context.paths
  await root.install('x')
  check(t, await underUmask(0o077, () => fsq(['trigger', '-v', 'q', 'nosuch', 'x'])), {
    status: 111,
    stderr: /^.*q has a trigger\n.*no such queue: nosuch .*\n.*x has a trigger\n$/,
  })
  t.ok(lstatSync(trigger).isFIFO())
  t.equal(modeOf(trigger), '640')
  check(t, await fsq(['trigger', '-m', '622', 'q']), {}, 'once more, with another mode')
  t.equal(modeOf(trigger), '622')
  check(t, await fsq(['untrigger', 'q', 'nosuch', 'x']), {
    status: 111,
    stderr: /^fsq untrigger: no such queue: nosuch .*\n$/,
  })
  t.strictSame(entriesOf(queue.path), ['done', 'fail', 'queue', 'tmp'])
  check(t, await fsq(['untrigger', '-v', 'q']), { stderr: 'fsq untrigger: q has no trigger\n' })
})

t.test('trigger takes owner and mode', { buffered: true, skip: notRoot }, async (t) => {
  const { fsq, queue } = await place(t)
  check(t, await fsq(['trigger', '-u', '12345', '-g', '12346', '-m', '620', 'q']))
  const { uid, gid } = lstatSync(queue.context.paths.trigger)
  t.strictSame({ uid, gid }, { uid: 12345, gid: 12346 })
})

t.test('a file in the place of the trigger is not touched', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const { trigger } = queue.context.paths
  writeFileSync(trigger, 'precious', { mode: 0o600 })
  const [made, pulled] = await Promise.all([fsq(['trigger', 'q']), fsq(['trigger-pull', 'q'])])
  check(t, made, { status: 111, stderr: /^fsq trigger: cannot make the trigger of q: .*\n$/ })
  check(t, pulled, { status: 111, stderr: /^fsq trigger-pull: .*\n$/ })
  t.equal(lstatSync(trigger).size, 'precious'.length)
  t.equal(modeOf(trigger), '600')
})

t.test('trigger-pull wakes who listens, with one byte', { buffered: true }, async (t) => {
  const { fsq, queue } = await place(t)
  const none = await fsq(['trigger-pull', 'q'])
  check(t, none, {
    status: 111,
    stderr: 'fsq trigger-pull: q has no trigger ("fsq trigger q" makes it)\n',
  })
  check(t, await fsq(['trigger-pull', '-i', 'q']), { status: 111, stderr: none.stderr })
  await queue.trigger()
  check(t, await fsq(['trigger-pull', 'q']), {
    status: 111,
    stderr: 'fsq trigger-pull: nobody listens to the trigger of q\n',
  })
  check(t, await fsq(['trigger-pull', '--ignore-listener', 'q']), {}, 'nobody listens, ignored')

  const { fd, received } = listen(t, queue.context.paths.trigger)
  t.equal(received(), 0, 'nothing has come so far')
  check(t, await fsq(['trigger-pull', '-v', 'q']), {
    stderr: 'fsq trigger-pull: pulled the trigger of q\n',
  })
  t.equal(received(), 1)

  t.throws(
    () => {
      for (;;) writeSync(fd, Buffer.alloc(4096))
    },
    { code: 'EAGAIN' },
    'the pipe is full',
  )
  check(t, await fsq(['trigger-pull', 'q']), {}, 'and that is success')
})

const untold: readonly [line: string, pulled: readonly string[]][] = [
  [`echo '{"args":["y"]}' | fsq enqueue --batch -t r`, ['r']],
  ['fsq mv --json -t --all q r', ['r']],
  ['fsq requeue --json -t --all q', ['q']],
  ['fsq disperse --json -t q r s', ['r', 's']],
]

t.test(
  '-t pulls the trigger although what was done cannot be told',
  { buffered: true },
  async (t) => {
    for (const [line, pulled] of untold) {
      const { queue, root, env } = await place(t)
      await queue.enqueueMany([{}, {}])
      await (await queue.claim(await queue.enqueue(''))).failPerm()
      for (const name of ['r', 's']) await root.install(name)
      const listeners = new Map<string, () => number>()
      for (const name of ['q', 'r', 's']) {
        await root.queue(name).trigger()
        listeners.set(name, listen(t, root.queue(name).context.paths.trigger).received)
      }
      const ended = await startProgram('sh', ['-c', `${line} >/dev/full`], { env }).ended
      check(t, ended, { status: 111, stderr: /cannot write to stdout: [^\n]*\n$/ }, line)
      for (const [name, received] of listeners)
        t.equal(received(), pulled.includes(name) ? 1 : 0, `${line}: ${name}`)
    }
  },
)

t.test(
  'enqueue --batch -t pulls the trigger before it dies by a signal',
  { buffered: true },
  async (t) => {
    const { start, queue } = await place(t)
    await queue.trigger()
    const { received } = listen(t, queue.context.paths.trigger)
    const started = start(['enqueue', '--batch', '-t', 'q'], { input: { later: true } })
    started.write('{}\n')
    await started.line()
    started.kill('SIGTERM')
    check(t, await started.ended, { status: 'SIGTERM', stdout: /^/ })
    t.equal(received(), 1)
  },
)

t.test('so do disperse and host-dist among many items', { buffered: true }, async (t) => {
  for (const line of ['fsq disperse -t --json q r >"$0"', 'fsq host-dist -g -v q 2>"$0"']) {
    const { queue, root, env, directory } = await place(t)
    await root.install('r', { triggered: true })
    await queue.installHost('h')
    await queue.hostTrigger()
    const triggers = [root.queue('r').context.paths.trigger, `${queue.path}/hosts-trigger-s`]
    const listeners = triggers.map((path) => listen(t, path))
    // What is told of them does not fit into a pipe: it comes to no end while nobody reads.
    const items = Array.from({ length: 1500 }, () => ({ arguments: ['x'.repeat(100)] }))
    await queue.enqueueMany(items)
    const fifo = `${directory}/fifo`
    execFileSync('mkfifo', [fifo])
    const told = listen(t, fifo)
    const started = startProgram('sh', ['-c', `exec ${line}`, fifo], { env })
    await eventually(() => told.received() > 0)
    started.kill('SIGTERM')
    let isOver = false
    void started.exited.then(() => (isOver = true))
    await eventually(() => told.received() === 0 && isOver)
    t.equal((await started.ended).status, 'SIGTERM', line)
    const pulled = listeners.map(({ received }) => received())
    t.strictSame(pulled.sort(), [0, 1], line)
  }
})
