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
import { check, notRoot, place } from '../helpers/cli.js'
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
