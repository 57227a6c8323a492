import { numberFrom } from '../helpers/number-from.js'
import { type FileSystem, fileSystems } from './machine.js'
import { type Order, orders } from './orders.js'

/** What is run, as the variables of README.md say. */
export interface PowerOptions {
  readonly items: number
  readonly subsets: number
  readonly seed: number
  readonly fileSystems: readonly FileSystem[]
  readonly orders: readonly Order[]
}

/** Reads them; throws a `TypeError` for what makes no sense, since nothing would be tested then. */
export function readOptions(env: Readonly<Record<string, string | undefined>>): PowerOptions {
  const chosen = new RegExp(env['POWER_ORDERS'] ?? '')
  const chosenOrders = orders.filter(({ name, like }) => chosen.test(`${name} | ${like}`))
  if (chosenOrders.length === 0)
    throw new TypeError(`POWER_ORDERS matches none of the orders: ${String(chosen)}`)
  return {
    items: numberFrom(env, 'POWER_ITEMS', 16),
    subsets: numberFrom(env, 'POWER_SUBSETS', 8),
    seed: numberFrom(env, 'POWER_SEED', 1),
    fileSystems: env['POWER_FS']?.split(',').map(fileSystemOf) ?? fileSystems,
    orders: chosenOrders,
  }
}

function fileSystemOf(name: string): FileSystem {
  const found = fileSystems.find((fileSystem) => fileSystem === name)
  if (found !== undefined) return found
  throw new TypeError(`POWER_FS knows ${fileSystems.join(', ')}; not ${JSON.stringify(name)}`)
}
