import t from 'tap'
import { lastInventory } from '../../../lib/adapters/nxqueue/accepted-inventory.js'
import type * as Feed from '../../../lib/adapters/nxqueue/inventory-feed.js'
import type { WatchInventoryOptions } from '../../../lib/adapters/nxqueue/index.js'
import { FsqError } from '../../../lib/errors.js'
import { testCluster } from '../../helpers/nxqueue.js'

t.test('an inventory that cannot be watched is not refused', async (t) => {
  const listeners: Pick<WatchInventoryOptions, 'onError'>[] = []
  const { InventoryFeed } = await t.mockImport<typeof Feed>(
    '../../../lib/adapters/nxqueue/inventory-feed.js',
    {
      '../../../lib/adapters/nxqueue/watch-inventory.js': {
        watchInventory(_: string, options: WatchInventoryOptions): Disposable {
          listeners.push(options)
          return { [Symbol.dispose]: () => undefined }
        },
      },
    },
  )
  const { cluster, inventoryPath } = await testCluster(t)
  const told: string[] = []
  using feed = await InventoryFeed.open(cluster, inventoryPath, {
    onChange: () => undefined,
    onTrouble: ({ code }) => told.push(code),
  })
  for (const { onError } of listeners) onError(new FsqError('FSQ_WATCH', 'no more watches'))
  await feed.setMaster(true)
  t.strictSame(told, ['FSQ_WATCH'])
  t.match(await lastInventory(cluster), {
    inventory: { servers: [{ name: 'a' }] },
    refused: undefined,
  })
})
