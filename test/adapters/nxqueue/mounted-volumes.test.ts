import { writeFileSync } from 'node:fs'
import t from 'tap'
import type { Inventory } from '../../../lib/adapters/nxqueue/inventory.js'
import { mountedVolumes, mountOf } from '../../../lib/adapters/nxqueue/mounted-volumes.js'
import { readInventory } from '../../../lib/adapters/nxqueue/read-inventory.js'
import type { Mount } from '../../../lib/adapters/nxqueue/store.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

type Mounts = Readonly<Record<string, string>>

/** What is recorded of drives, and what the inventory says at the same time: `{ A: 'd0' }`, A is in d0. */
async function place(t: Parameters<typeof temporaryDirectory>[0]) {
  const path = `${temporaryDirectory(t)}/i.json`
  const of = { changer: 'c', generation: 6 }
  const inventoryOf = async (mounted: Mounts, disabled?: string): Promise<Inventory> => {
    const inventory = {
      servers: [{ name: 'a' }],
      drives: ['d0', 'd1'].map((name) => {
        return { name, ...of, servers: ['a'], enabled: name !== disabled }
      }),
      volumes: ['A', 'B'].map((name) => {
        const where = mounted[name]
        return { name, ...of, capacity: 1, ...(where !== undefined && { mounted: where }) }
      }),
    }
    writeFileSync(path, JSON.stringify(inventory))
    return readInventory(path)
  }
  const mounts = new Map<string, { value: Mount; revision: number }>()
  return {
    inventoryOf,
    load: async (drive: string, volume: string, said: Mounts) => {
      const value = mountOf(await inventoryOf(said), mounts, { drive, volume }, 1)
      mounts.set(drive, { value, revision: 1 })
    },
    /** A job has succeeded there. */
    succeed: (drive: string) => {
      const { before: _, tried: __, ...value } = mounts.get(drive)?.value ?? { at: 0 }
      mounts.set(drive, { value, revision: 1 })
    },
    where: async (said: Mounts, disabled?: string): Promise<Mounts> => {
      const mounted = mountedVolumes(await inventoryOf(said, disabled), mounts)
      const pairs = [...mounted].map(([volume, { drive }]): [string, string] => [volume, drive])
      return Object.fromEntries(pairs.sort())
    },
  }
}

t.test('an edit of where a volume is counts until the next job loads it', async (t) => {
  const cases: [name: string, said: Mounts, edited: Mounts, where: Mounts][] = [
    ['none', {}, {}, { A: 'd0' }],
    ['of another volume', {}, { B: 'd1' }, { A: 'd0', B: 'd1' }],
    ['that it is in another drive', {}, { A: 'd1' }, { A: 'd1' }],
    ['that it is in another than it was', { A: 'd0' }, { A: 'd1' }, { A: 'd1' }],
    ['that it is in none', { A: 'd0' }, {}, {}],
    ['that another is in its drive', {}, { B: 'd0' }, { B: 'd0' }],
  ]
  for (const [name, said, edited, where] of cases) {
    const it = await place(t)
    await it.load('d0', 'A', said)
    it.succeed('d0')
    t.strictSame(await it.where(said), { A: 'd0' }, name)
    t.strictSame(await it.where(edited), where, name)
    await it.load('d1', 'A', edited)
    t.match(await it.where(edited), { A: 'd1' }, name)
  }
})

t.test('what a job has to unload is edited, too', async (t) => {
  const { load, succeed, where } = await place(t)
  await load('d0', 'A', {})
  succeed('d0')
  await load('d0', 'B', {})
  t.strictSame(await where({}), { A: 'd0', B: 'd0' })
  t.strictSame(await where({ A: 'd1' }), { A: 'd1', B: 'd0' })
})

t.test('a drive that is disabled keeps only what was in it', async (t) => {
  const { load, succeed, where } = await place(t)
  await load('d0', 'A', {})
  await load('d0', 'B', {})
  t.strictSame(await where({}, 'd0'), {}, 'neither was ever loaded')
  t.strictSame(await where({}), { A: 'd0', B: 'd0' }, 'but may have been')
  t.strictSame(await where({ A: 'd0' }, 'd0'), { A: 'd0' }, 'unless somebody says so')
  succeed('d0')
  await load('d0', 'A', {})
  t.strictSame(await where({}, 'd0'), { B: 'd0' })
  await load('d0', 'B', {})
  t.strictSame(await where({}, 'd0'), { B: 'd0' })
})

t.test('of a record of before an edit is not known', async (t) => {
  const { inventoryOf } = await place(t)
  const mounts = new Map([['d0', { value: { volume: 'A', at: 1 }, revision: 1 }]])
  const mounted = mountedVolumes(await inventoryOf({ A: 'd1' }), mounts)
  t.strictSame([...mounted.keys()], ['A'])
  t.match(mounted.get('A'), { drive: 'd0', isTried: false })
})
