import { setImmediate, setTimeout } from 'node:timers/promises'
import t from 'tap'
import { nothing, contentsOf, temporaryQueue, temporaryRoot } from '../helpers/temporary.js'
import { overflowing } from '../helpers/timers.js'

for (const weight of [9, 1]) {
  t.test(`what a queue of weight ${weight} did alone is not held against it`, async (t) => {
    const root = temporaryRoot(t, { durability: 'none' })
    const busy = await root.install('busy')
    const quiet = await root.install('quiet')
    const add = async (queue: typeof busy, count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await queue.enqueue('')
    }
    await add(busy, 200)
    const order: string[] = []
    const both = new Promise<void>((resolve) => {
      const worker = root.work([{ queue: 'busy', weight }, 'quiet'], async ({ queue }) => {
        order.push(queue)
        if (order.length === 200) {
          await add(busy, 100)
          await add(quiet, 100)
          await setTimeout(50) // For inotify to tell.
        }
        if (order.length === 260) resolve()
      })
      t.teardown(() => worker.kill())
    })
    await both
    const after = order
      .slice(200, 260)
      .map((queue) => (queue === 'quiet' ? 'q' : 'b'))
      .join('')
    const longest = Math.max(...(after.match(/q+/g) ?? []).map(({ length }) => length))
    t.ok(longest <= 2, after)
    const rounds = after.slice(10, 10 + 5 * (weight + 1))
    t.equal(rounds.replaceAll('b', '').length, 5, after)
  })
}

t.test('a rate of one in months is no busy loop', async (t) => {
  const queue = await temporaryQueue(t)
  const ids = [await queue.enqueue(''), await queue.enqueue('')]
  const worker = queue.work(() => undefined, { maxRate: 1e-7 })
  t.teardown(() => worker.kill())
  const warnings = await overflowing(async () => {
    while (contentsOf(queue)['done']?.length !== 1) await setImmediate()
  })
  t.strictSame(warnings, [])
  t.strictSame(contentsOf(queue), { ...nothing, done: [ids[0]], queue: [ids[1]] })
})
