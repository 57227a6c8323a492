import t from 'tap'
import { KeyLimits } from '../../lib/work/key-limits.js'
import { check, eventually, place } from '../helpers/cli.js'
import { contentsOf } from '../helpers/temporary.js'
import { overflowing } from '../helpers/timers.js'

t.test('a scan does not end before all items of a key had their turn', async (t) => {
  const { queue, fsq } = await place(t)
  for (let i = 0; i < 3; i++) await queue.enqueue('', ['a'])
  check(t, await fsq(['scan', '--limit-by', '1:1:20', 'q', 'true']))
  const { done, queue: left } = contentsOf(queue)
  t.strictSame([done?.length, left?.length], [3, 0])
})

t.test('only what is begun counts for the rate, and only its end is told', (t) => {
  const told: string[] = []
  using limits = new KeyLimits({ concurrency: 1, rate: 1 }, (key) => told.push(key))
  for (let i = 0; i < 3; i++) {
    t.ok(limits.admit('a'))
    limits.cancel('a')
  }
  t.strictSame(told, [])
  t.ok(limits.admit('a'))
  limits.began('a')
  limits.release('a')
  t.strictSame(told, ['a'])
  t.notOk(limits.admit('a'))
  t.ok(limits.admit('b'))
  t.end()
})

t.test('a rate of one in months is no busy loop', async (t) => {
  const told: string[] = []
  using limits = new KeyLimits({ concurrency: 2, rate: 1e-7 }, (key) => told.push(key))
  const warnings = await overflowing(() => {
    limits.admit('a')
    limits.began('a')
    t.notOk(limits.admit('a'))
  })
  t.strictSame({ told, warnings }, { told: [], warnings: [] })
})

for (const rate of [0, 500]) {
  t.test(`keys that nothing is done for are forgotten, at a rate of ${rate}`, async (t) => {
    using limits = new KeyLimits({ concurrency: 1, rate }, () => undefined)
    for (let i = 0; i < 1000; i++) {
      limits.admit(`${i}`)
      limits.began(`${i}`)
      if (i % 2 === 0) limits.admit(`${i}`)
      limits.release(`${i}`)
    }
    await eventually(() => limits.size === 0)
    t.equal(limits.size, 0)
  })
}
