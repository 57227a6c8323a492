import t from 'tap'
import { fileSystems } from './machine.js'
import { readOptions } from './options.js'
import { orders } from './orders.js'

t.test('without variables everything is run', async (t) => {
  t.strictSame(readOptions({}), { items: 16, subsets: 8, seed: 1, fileSystems, orders })
})

t.test('the variables choose', async (t) => {
  const env = { POWER_ITEMS: '2', POWER_FS: 'xfs,ext4', POWER_ORDERS: '\\| dirq$' }
  const { items, fileSystems, orders } = readOptions(env)
  t.equal(items, 2)
  t.strictSame(fileSystems, ['xfs', 'ext4'])
  t.strictSame(
    orders.map(({ like }) => like),
    ['dirq'],
  )
})

t.test('what chooses nothing is refused', async (t) => {
  for (const [env, message] of [
    [{ POWER_FS: 'ext5' }, /^POWER_FS knows ext4, xfs, .*; not "ext5"$/],
    [{ POWER_FS: 'ext4,' }, /not ""$/],
    [{ POWER_ORDERS: 'no such order' }, 'POWER_ORDERS matches none of the orders: /no such order/'],
    [{ POWER_SEED: '-1' }, 'Expected POWER_SEED to be a number: -1'],
  ] as const)
    t.throws(() => readOptions(env), { name: 'TypeError', message })
})
