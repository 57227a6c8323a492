import t, { type Test } from 'tap'
import { ServerName } from '../../../lib/adapters/nxqueue/server-name.js'
import type { Hold } from '../../../lib/key-values.js'
import { MemoryPlace } from '../../helpers/memory-key-values.js'
import { VirtualTime } from '../../helpers/virtual-time.js'

/** A server that has its name. */
async function named(t: Test) {
  const time = new VirtualTime(t)
  const memory = new MemoryPlace()
  const name = await ServerName.hold(memory.open(), 'S')
  if (name === undefined) throw new Error('it was aborted')
  t.teardown(() => {
    name[Symbol.dispose]()
  })
  const taken: string[] = []
  void name.taken.then(({ message }) => taken.push(message))
  const [held = ''] = memory.held
  return {
    ...{ time, memory, name, taken },
    lose: () => {
      memory.takeAway(held)
    },
    another: async (): Promise<Hold | undefined> => memory.open().hold(held, 'another'),
  }
}

void t.test('a name that is lost is taken again, and nobody else can have it', async (t) => {
  const { time, memory, name, taken, lose, another } = await named(t)
  t.equal(await another(), undefined)
  lose()
  memory.isAway = true
  await time.pass(60)
  memory.isAway = false
  await time.pass(1)
  t.equal(await another(), undefined)
  t.strictSame(taken, [])
  name[Symbol.dispose]()
  t.ok(await another())
})

void t.test(
  'one that nobody has for a while, since the store frees it late, is not taken',
  async (t) => {
    const { time, taken, lose, another } = await named(t)
    for (let i = 0; i < 3; i++) {
      lose()
      const other = await another()
      await time.pass(5)
      other?.[Symbol.dispose]()
      await time.pass(1)
    }
    t.equal(await another(), undefined)
    t.strictSame(taken, [])
  },
)

void t.test('where another has taken it by then, that is told once', async (t) => {
  const { time, memory, taken, lose, another } = await named(t)
  lose()
  t.ok(await another())
  memory.isAway = true
  await time.pass(60)
  t.strictSame(taken, [], 'not while nobody knows')
  memory.isAway = false
  await time.pass(60)
  t.strictSame(taken, ['another service serves S: end that first'])
})

void t.test('who is to stop waits for a name no longer', async (t) => {
  const memory = new MemoryPlace()
  using name = await ServerName.hold(memory.open(), 'S')
  t.ok(name)
  t.equal(await ServerName.hold(memory.open(), 'S', AbortSignal.abort()), undefined)
  const stop = new AbortController()
  const waiting = ServerName.hold(memory.open(), 'S', stop.signal)
  stop.abort()
  t.equal(await waiting, undefined)
})

void t.test('a name that is given up is not taken again', async (t) => {
  const { time, memory, name, lose } = await named(t)
  lose()
  name[Symbol.dispose]()
  await time.pass(60)
  t.strictSame(memory.held, [])
})
