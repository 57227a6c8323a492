// Scan of queues of many items: the items are locked, looked at and left. Each scan is a process.
import { lacking } from '../features.mjs'
import { race } from '../race.mjs'
import { afterFirst, finish } from './measure.mjs'

export function scanCases({ floor, place, features, amount, big, filled }) {
  const variants = (size, { limit } = {}) => ({
    fsq: async () => {
      const task = { count: limit ?? size, leave: true, limit }
      return afterFirst(await finish(place, await filled(size), task))
    },
    floor: async () => {
      const { path } = await filled(size)
      return afterFirst(await race([floor.command('finish', path, limit ?? size, 'leave', 1)]))
    },
  })
  const sizes = [amount(1000), amount(100_000), ...big]
  return {
    name: 'scan',
    about:
      'Locks, checks and closes every item, finishing none. The rate is that after the first item; the ' +
      'memory is the peak of the whole process. Floor: C that lists and sorts by timestamp and entropy.',
    metrics: [
      { key: 'first', label: 'first item', unit: 'ms' },
      { key: 'rate', label: 'then', unit: 'items/s' },
      { key: 'memory', label: 'peak memory', unit: 'MiB' },
    ],
    cases: [
      ...sizes.map((size) => ({ name: `${size} items`, variants: variants(size) })),
      ...sizes.slice(-1).map((size) => ({
        name: `${size} items, limit 100`,
        skip: lacking(features, 'limit'),
        variants: variants(size, { limit: 100 }),
      })),
    ],
  }
}
