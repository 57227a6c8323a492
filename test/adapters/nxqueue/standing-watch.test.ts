import t from 'tap'
import {
  lastInventory,
  publishInventory,
} from '../../../lib/adapters/nxqueue/accepted-inventory.js'
import { InventoryFeed } from '../../../lib/adapters/nxqueue/inventory-feed.js'
import { readInventory } from '../../../lib/adapters/nxqueue/read-inventory.js'
import { StandingWatch } from '../../../lib/adapters/nxqueue/standing-watch.js'
import { eventually } from '../../helpers/cli.js'
import { failingWatch, watchFailures } from '../../helpers/failing-watch.js'
import { MemoryPlace } from '../../helpers/memory-key-values.js'
import { smallInventory, testCluster } from '../../helpers/nxqueue.js'

const blind = watchFailures['cannot be watched']

for (const [what, failing] of Object.entries(watchFailures))
  t.test(`entries that ${what} are watched when that is asked for again`, async (t) => {
    const values = new MemoryPlace().open().entries<number>('numbers')
    const { entries } = failingWatch(values, [failing, blind, blind])
    const [changed, told] = [new Array<string | undefined>(), new Array<unknown>()]
    using watch = new StandingWatch(entries, changed.push.bind(changed), told.push.bind(told))
    await eventually(() => told.length > 0)
    for (let i = 0; i < 3; i++) watch.renew()
    t.match(told, [{ message: 'no more watches' }], 'it is told once')
    t.equal(told.length, 1)
    await values.create('one', 1)
    await eventually(() => changed.includes('one'))
  })

t.test('one that is over is not begun again', async (t) => {
  let begun = 0
  const entries = {
    watch: () => {
      begun++
      return { [Symbol.dispose]: () => undefined }
    },
  }
  const nothing = (): void => undefined
  const watch = new StandingWatch(entries, nothing, nothing)
  watch.renew()
  watch[Symbol.dispose]()
  watch.renew()
  t.equal(begun, 1)
})

t.test('a server without an inventory of its own hears of one that nobody told of', async (t) => {
  const { cluster, edit, inventoryPath } = await testCluster(t)
  await publishInventory(cluster, await readInventory(inventoryPath))
  const { inventory } = cluster.store
  const { entries } = failingWatch(inventory, [watchFailures['can no longer be watched'], blind])
  const there = { ...cluster, store: { ...cluster.store, inventory: entries } }
  const [changes, troubles] = [new Array<true>(), new Array<Error>()]
  using feed = await InventoryFeed.open(there, undefined, {
    onChange: () => changes.push(true),
    onTrouble: (error) => troubles.push(error),
  })
  await eventually(() => troubles.length === 1)
  edit(smallInventory(['a', 'b']))
  await publishInventory(cluster, await readInventory(inventoryPath))
  await feed.look()
  t.match(feed.current.servers, [{ name: 'a' }, { name: 'b' }])
  t.equal(changes.length, 1)
  await feed.look()
  edit(smallInventory(['c']))
  await publishInventory(cluster, await readInventory(inventoryPath))
  await eventually(() => feed.current.servers.some(({ name }) => name === 'c'))
  t.equal(troubles.length, 1)
})

t.test(
  'a master without an inventory of its own goes by the one that was accepted last',
  async (t) => {
    const { cluster, edit, inventoryPath } = await testCluster(t)
    await publishInventory(cluster, await readInventory(inventoryPath))
    const { entries } = failingWatch(cluster.store.inventory, [blind])
    const there = { ...cluster, store: { ...cluster.store, inventory: entries } }
    const nothing = (): void => undefined
    using feed = await InventoryFeed.open(there, undefined, {
      onChange: nothing,
      onTrouble: nothing,
    })
    edit(smallInventory(['newer']))
    await publishInventory(cluster, await readInventory(inventoryPath))
    await feed.setMaster(true)
    const newer = { servers: [{ name: 'newer' }] }
    t.match(feed.current, newer)
    t.match((await lastInventory(cluster))?.inventory, newer)
  },
)
