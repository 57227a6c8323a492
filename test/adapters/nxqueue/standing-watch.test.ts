import t from 'tap'
import {
  lastInventory,
  publishInventory,
} from '../../../lib/adapters/nxqueue/accepted-inventory.js'
import { InventoryFeed } from '../../../lib/adapters/nxqueue/inventory-feed.js'
import { readInventory } from '../../../lib/adapters/nxqueue/read-inventory.js'
import { StandingWatch } from '../../../lib/adapters/nxqueue/standing-watch.js'
import type { WatchedEntries } from '../../../lib/key-values.js'
import { eventually } from '../../helpers/cli.js'
import { failingWatch, watchFailures } from '../../helpers/failing-watch.js'
import { MemoryPlace } from '../../helpers/memory-key-values.js'
import { smallInventory, testCluster } from '../../helpers/nxqueue.js'
import { VirtualTime } from '../../helpers/virtual-time.js'

const blind = watchFailures['cannot be watched']

/** Looks each second, as those do who watch, for so many seconds. */
async function renew(watch: StandingWatch, time: VirtualTime, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    await time.pass(1)
    watch.renew()
  }
  await time.pass(0)
}

for (const [what, failing] of Object.entries(watchFailures)) {
  t.test(`entries that ${what} are watched when that is asked for again`, async (t) => {
    const time = new VirtualTime(t)
    const values = new MemoryPlace().open().entries<number>('numbers')
    const { entries } = failingWatch(values, [failing, failing, failing])
    const [changed, told] = [new Array<string | undefined>(), new Array<unknown>()]
    using watch = new StandingWatch(entries, changed.push.bind(changed), told.push.bind(told))
    await renew(watch, time, 7)
    await values.create('one', 1)
    await time.pass(0)
    t.strictSame(changed, ['one'])
    t.match(told, [{ message: 'no more watches' }], 'it is told once')
    t.equal(told.length, 1)
  })

  t.test(`that they ${what} is told once, and later each minute found out again`, async (t) => {
    const time = new VirtualTime(t)
    const [begun, told] = [new Array<true>(), new Array<unknown>()]
    let change = (): void => undefined
    const entries: Pick<WatchedEntries<unknown>, 'watch'> = {
      watch: (onChange, onError) => {
        begun.push(true)
        change = () => {
          onChange(undefined)
        }
        return failing(onChange, onError)
      },
    }
    using watch = new StandingWatch(entries, () => undefined, told.push.bind(told))
    await renew(watch, time, 600)
    t.equal(told.length, 1)
    t.ok(begun.length > 10 && begun.length < 20, `${begun.length} attempts in ten minutes`)
    change()
    await renew(watch, time, 60)
    t.equal(told.length, 2, 'once more, as it had worked meanwhile')
  })
}

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
  const time = new VirtualTime(t)
  const [changes, troubles] = [new Array<true>(), new Array<Error>()]
  using feed = await InventoryFeed.open(there, undefined, {
    onChange: () => changes.push(true),
    onTrouble: (error) => troubles.push(error),
  })
  await eventually(() => troubles.length === 1)
  await time.pass(1)
  edit(smallInventory(['a', 'b']))
  await publishInventory(cluster, await readInventory(inventoryPath))
  await feed.look()
  t.match(feed.current.servers, [{ name: 'a' }, { name: 'b' }])
  t.equal(changes.length, 1)
  await time.pass(2)
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
