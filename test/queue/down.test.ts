import { lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { modeOf } from '../helpers/mode.js'
import { entriesOf, temporaryQueue, temporaryRoot, underUmask } from '../helpers/temporary.js'

t.test('a queue is up, goes down, and comes up again', async (t) => {
  const queue = await temporaryQueue(t)
  t.equal(await queue.isDown(), false)
  await queue.down()
  t.equal(await queue.isDown(), true)
  t.ok(lstatSync(queue.context.paths.down).isFile())
  await queue.up()
  t.equal(await queue.isDown(), false)
  t.strictSame(entriesOf(queue.path), ['done', 'fail', 'queue', 'tmp'])
})

t.test('a queue that is up may come up again', async (t) => {
  const queue = await temporaryQueue(t)
  await t.resolves(queue.up())
})

for (const mask of [0o077, 0o000]) {
  t.test(`the down file has its mode under the umask ${mask.toString(8)}`, async (t) => {
    const queue = await temporaryQueue(t)
    const { down } = queue.context.paths
    await underUmask(mask, () => queue.down())
    t.equal(modeOf(down), '640')
    await underUmask(mask, () => queue.down({ mode: 0o666 }))
    t.equal(modeOf(down), '666', 'and another one when it is there')
  })
}

const skip = process.getuid?.() === 0 ? false : 'only root gives files away'

t.test('the down file belongs to whom it is given', { skip }, async (t) => {
  const queue = await temporaryQueue(t, { itemUser: '11', itemGroup: '12' })
  await queue.down()
  t.match(lstatSync(queue.context.paths.down), { uid: 11, gid: 12 })
  await queue.down({ user: 21, group: 22 })
  t.match(lstatSync(queue.context.paths.down), { uid: 21, gid: 22 })
})

t.test('a down file that is there keeps what is in it', async (t) => {
  const queue = await temporaryQueue(t)
  writeFileSync(queue.context.paths.down, 'until Monday')
  await queue.down()
  t.equal(readFileSync(queue.context.paths.down, 'utf8'), 'until Monday')
})

t.test('an unknown user or group leaves the queue up', async (t) => {
  const queue = await temporaryQueue(t)
  const stranger = 'nobody-has-this-name'
  await t.rejects(queue.down({ user: stranger }), { code: 'FSQ_NO_USER' })
  await t.rejects(queue.down({ group: stranger }), { code: 'FSQ_NO_GROUP' })
  t.equal(await queue.isDown(), false)
})

t.test('a directory in place of the down file', async (t) => {
  const queue = await temporaryQueue(t)
  mkdirSync(queue.context.paths.down)
  t.equal(await queue.isDown(), true)
  await t.rejects(queue.down(), {
    code: 'FSQ_CONFIG',
    message: 'cannot take down q: it is a directory',
    queue: 'q',
  })
  await t.rejects(queue.up(), { code: 'FSQ_CONFIG', message: /^cannot bring up q: / })
  t.equal(await queue.isDown(), true)
})

t.test('a link in place of the down file is not followed', async (t) => {
  const queue = await temporaryQueue(t)
  symlinkSync('missing', queue.context.paths.down)
  t.equal(await queue.isDown(), true)
  await t.rejects(queue.down(), { code: 'FSQ_CONFIG', errno: 'ELOOP' })
  t.strictSame(entriesOf(queue.path), ['done', 'down', 'fail', 'queue', 'tmp'])
  await queue.up()
  t.equal(await queue.isDown(), false)
})

t.test('what cannot be looked at is not taken as up', async (t) => {
  const queue = await temporaryQueue(t, { downFile: 'x'.repeat(256) })
  await t.rejects(queue.isDown(), {
    code: 'FSQ_CONFIG',
    message: 'cannot tell whether q is down: the name is too long',
    errno: 'ENAMETOOLONG',
  })
})

for (const what of ['missing', 'a file']) {
  for (const call of ['down', 'up', 'isDown'] as const) {
    t.test(`${call} of a queue that is ${what} is an error`, async (t) => {
      const queue = temporaryRoot(t).queue('q')
      if (what === 'a file') writeFileSync(queue.path, '')
      await t.rejects<unknown>(queue[call](), { code: 'FSQ_NO_QUEUE', queue: 'q' })
    })
  }
}
