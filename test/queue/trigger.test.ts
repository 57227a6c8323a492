import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs'
import t, { type Test } from 'tap'
import type { Queue } from '../../lib/root/queue.js'
import { modeOf } from '../helpers/mode.js'
import { temporaryQueue, temporaryRoot, underUmask } from '../helpers/temporary.js'

const listenTo = (t: Test, queue: Queue): number => {
  const fd = openSync(queue.context.paths.trigger, constants.O_RDONLY | constants.O_NONBLOCK)
  t.teardown(() => {
    closeSync(fd)
  })
  return fd
}

t.test('a trigger is made, and removed', async (t) => {
  const queue = await temporaryQueue(t)
  const { trigger } = queue.context.paths
  await queue.trigger()
  t.ok(lstatSync(trigger).isFIFO())
  await queue.untrigger()
  t.equal(existsSync(trigger), false)
  await t.resolves(queue.untrigger(), 'and again, where there is none')
})

for (const mask of [0o077, 0o000]) {
  t.test(`a trigger has its mode under the umask ${mask.toString(8)}`, async (t) => {
    const queue = await temporaryQueue(t)
    await underUmask(mask, () => queue.trigger())
    t.equal(modeOf(queue.context.paths.trigger), '640')
    await underUmask(mask, () => queue.trigger({ mode: 0o622 }))
    t.equal(modeOf(queue.context.paths.trigger), '622', 'and another one when it is there')
  })
}

t.test('who listens gets a byte for each pull', async (t) => {
  const queue = await temporaryQueue(t, {}, { triggered: true })
  const listener = listenTo(t, queue)
  await queue.triggerPull()
  await queue.triggerPull({ ignoreListener: true })
  t.equal(readSync(listener, Buffer.alloc(8)), 2)
})

t.test('a trigger that is made again keeps its listener', async (t) => {
  const queue = await temporaryQueue(t, {}, { triggered: true })
  const listener = listenTo(t, queue)
  await queue.trigger({ mode: 0o622 })
  await queue.triggerPull()
  t.equal(readSync(listener, Buffer.alloc(8)), 1)
})

t.test('where nobody listens, a pull is an error unless that is ignored', async (t) => {
  const queue = await temporaryQueue(t, {}, { triggered: true })
  await t.rejects(queue.triggerPull(), {
    code: 'FSQ_NO_LISTENER',
    message: 'nobody listens to the trigger of q',
    queue: 'q',
    errno: 'ENXIO',
  })
  await t.resolves(queue.triggerPull({ ignoreListener: true }))
})

for (const ignoreListener of [false, true]) {
  t.test(`where there is no trigger, ignoreListener ${String(ignoreListener)}`, async (t) => {
    const queue = await temporaryQueue(t)
    await t.rejects(queue.triggerPull({ ignoreListener }), {
      code: 'FSQ_NO_TRIGGER',
      message: 'q has no trigger ("fsq trigger q" makes it)',
      path: queue.context.paths.trigger,
    })
  })

  t.test(
    `a regular file is not written to, ignoreListener ${String(ignoreListener)}`,
    async (t) => {
      const queue = await temporaryQueue(t)
      const { trigger } = queue.context.paths
      writeFileSync(trigger, 'precious')
      await t.rejects(queue.triggerPull({ ignoreListener }), {
        code: 'FSQ_CONFIG',
        message: `cannot pull the trigger of q: not a FIFO: ${trigger}`,
      })
      t.equal(readFileSync(trigger, 'utf8'), 'precious')
    },
  )
}

t.test('a trigger is not made where there is something else', async (t) => {
  const queue = await temporaryQueue(t)
  const { trigger } = queue.context.paths
  writeFileSync(trigger, 'precious', { mode: 0o600 })
  await t.rejects(queue.trigger(), {
    code: 'FSQ_CONFIG',
    message: `cannot make the trigger of q: not a FIFO: ${trigger}`,
    queue: 'q',
  })
  t.equal(modeOf(trigger), '600')
  t.equal(readFileSync(trigger, 'utf8'), 'precious')
})

t.test('a directory is not removed as a trigger', async (t) => {
  const queue = await temporaryQueue(t)
  mkdirSync(queue.context.paths.trigger)
  await t.rejects(queue.untrigger(), { code: 'FSQ_CONFIG', queue: 'q' })
})

t.test('an unknown user makes no trigger', async (t) => {
  const queue = await temporaryQueue(t)
  await t.rejects(queue.trigger({ user: 'nobody-has-this-name' }), { code: 'FSQ_NO_USER' })
  t.equal(existsSync(queue.context.paths.trigger), false)
})

for (const call of ['trigger', 'untrigger', 'triggerPull'] as const) {
  t.test(`${call} of a queue that is missing is an error`, async (t) => {
    await t.rejects(temporaryRoot(t).queue('q')[call](), { code: 'FSQ_NO_QUEUE', queue: 'q' })
  })
}
