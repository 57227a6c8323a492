/**
 * Jobs that need resources, after NxQueue: tapes and drives, places on disk, and the servers that reach them. The
 * inventory says what there is.
 *
 * ```ts
 * import { writeFile } from 'node:fs/promises'
 * import { readInventory } from 'fsq/nxqueue'
 *
 * await writeFile(
 *   '/tmp/inventory.yaml',
 *   `
 * servers: [{ name: north, slots: 2 }]
 * drives: [{ name: drive0, changer: library, generation: 6, servers: [north] }]
 * volumes: [{ name: A00001L6, changer: library, generation: 6, capacity: 2.5 TB }]
 * `,
 * )
 * const { drives, volumes } = await readInventory('/tmp/inventory.yaml')
 * console.log(drives[0]?.type, drives[0]?.reads, volumes[0]?.capacity)
 * ```
 *
 * @packageDocumentation
 */
export {
  formatProblem,
  InventoryError,
  type InventoryProblem,
  type FilePlace,
} from './inventory-error.js'
export { inventorySchema, type Schema, type SchemaType } from './inventory-schema.js'
export type { Drive, Group, Inventory, Server, Volume, VolumeState } from './inventory.js'
export { readInventory } from './read-inventory.js'
export { watchInventory, type WatchInventoryOptions } from './watch-inventory.js'
