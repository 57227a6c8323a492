import { closeSync, constants, openSync, readSync } from 'node:fs'
import t, { type Test } from 'tap'
import * as fsq from '../../lib/root/functions.js'
import type { Item } from '../../lib/queue/item.js'
import type { Outcome } from '../../lib/queue/finish.js'
import type { OneOff } from '../../lib/root/functions.js'
import { setEnvironment } from '../helpers/environment.js'
import { temporaryDirectory } from '../helpers/temporary.js'

/** The two ways to say where the queues are. */
const ways: Record<string, (t: Test) => OneOff> = {
  'with settings': (t) => ({ settings: { root: temporaryDirectory(t), maxTries: 0 } }),
  'with the environment': (t) => {
    setEnvironment(t, { FSQ_ROOT: temporaryDirectory(t), FSQ_MAX_TRIES: '0' })
    return {}
  },
}

for (const [way, where] of Object.entries(ways)) {
  t.test(way, async (t) => {
    t.test('queues come and go', async (t) => {
      const at = where(t)
      t.equal(await fsq.install('q', { ...at, down: true }), true)
      t.equal(await fsq.install('q', { ...at, ifExists: 'ignore' }), false)
      t.strictSame(await fsq.queues(at), ['q'])
      t.equal(await fsq.isDown('q', at), true)
      await fsq.enqueue('q', '', [], at)
      await t.rejects(fsq.uninstall('q', at), { code: 'FSQ_QUEUE_NOT_EMPTY' })
      await fsq.uninstall('q', { ...at, force: true })
      t.strictSame(await fsq.queues(at), [])
    })

    t.test('items are enqueued, scanned and reenqueued', async (t) => {
      const at = where(t)
      await fsq.install('q', at)
      await fsq.install('other', at)
      const id = await fsq.enqueue('q', 'a body', ['a'], { ...at, entropy: 7 })
      t.match(id, /^_[0-9]{14}_7_.*_a$/)
      for await (const item of fsq.scan('q', at)) {
        t.equal(await item.text(), 'a body')
        t.equal(await fsq.reenqueue(item, 'other', at), true)
        t.equal(await fsq.reenqueue(item, 'other', { ...at, link: true }), false)
        await fsq.done(item)
      }
      for await (const item of fsq.scan('other', at)) t.equal(item.id, id)
    })

    t.test('a queue goes down and up', async (t) => {
      const at = where(t)
      await fsq.install('q', at)
      await fsq.enqueue('q', '', [], at)
      await fsq.down('q', at)
      t.equal(await fsq.isDown('q', at), true)
      await t.rejects(fsq.scan('q', at).next(), { code: 'FSQ_DOWN' })
      await fsq.up('q', at)
      t.equal(await fsq.isDown('q', at), false)
    })

    t.test('a trigger is made, pulled and removed', async (t) => {
      const directory = temporaryDirectory(t)
      const at = { settings: { root: directory } }
      await fsq.install('q', at)
      await fsq.trigger('q', at)
      await t.rejects(fsq.triggerPull('q', at), { code: 'FSQ_NO_LISTENER' })
      const { O_RDONLY, O_NONBLOCK } = constants
      const listener = openSync(`${directory}/q/trigger-s`, O_RDONLY | O_NONBLOCK)
      await fsq.triggerPull('q', at)
      t.equal(readSync(listener, Buffer.alloc(8)), 1)
      closeSync(listener)
      await t.resolves(fsq.triggerPull('q', { ...at, ignoreListener: true }))
      await fsq.untrigger('q', at)
      await t.rejects(fsq.triggerPull('q', at), { code: 'FSQ_NO_TRIGGER' })
    })

    const fates: [what: string, finish: (item: Item) => Promise<Outcome>, state: string][] = [
      ['done', (item) => fsq.done(item), 'done'],
      ['done with a code', (item) => fsq.done(item, 100), 'fail'],
      ['success', (item) => fsq.success(item), 'done'],
      ['fail', (item) => fsq.fail(item), 'fail'],
      ['fail with a code', (item) => fsq.fail(item, 111), 'queue'],
      ['failPerm', (item) => fsq.failPerm(item), 'fail'],
      ['failTmp', (item) => fsq.failTmp(item), 'queue'],
      ['failTmp with limits', (item) => fsq.failTmp(item, { maxTries: 1 }), 'fail'],
      ['retry', (item) => fsq.retry(item), 'queue'],
      ['retry with limits', (item) => fsq.retry(item, { maxTries: 1 }), 'fail'],
    ]
    for (const [what, finish, state] of fates) {
      t.test(`${what} moves an item to ${state}/`, async (t) => {
        const at = where(t)
        await fsq.install('q', at)
        await fsq.enqueue('q', '', [], at)
        const states: string[] = []
        for await (const item of fsq.scan('q', at)) states.push((await finish(item)).state)
        t.strictSame(states, [state])
      })
    }
  })
}

t.test('a setting of the wrong form is an error of each call', async (t) => {
  const settings = { ttl: -1 }
  await t.rejects(fsq.enqueue('q', '', [], { settings }), { name: 'TypeError' })
  await t.rejects(fsq.install('q', { settings }), { name: 'TypeError' })
  t.throws(() => fsq.scan('q', { settings }), { name: 'TypeError' })
})
