// Enqueue and claim in a queue that already holds a million items. It is filled once; what the rounds
// add and take are some ten thousand.
import { lacking } from '../features.mjs'
import { race } from '../race.mjs'
import { afterFirst, enqueue, finish, rate } from './measure.mjs'

export function largeQueueCases({ place, floor, features, amount, big, filled }) {
  const [size] = big
  const items = `in a queue of ${size}`
  const enqueueVariants = (count, level, settings) => ({
    fsq: async () => enqueue(place, { into: await filled(size), count, size: 1024, settings }),
    floor: async () => {
      const { path } = await filled(size)
      return rate(await race([floor.command('enqueue', path, count, 1024, level, 1)]))
    },
  })
  /** CPU time an item would be that of the listing. */
  const withoutCpu = ({ first, rate }) => ({ first, rate })
  const finishing = (count, level, settings) => ({
    fsq: async () =>
      withoutCpu(afterFirst(await finish(place, await filled(size), { count, settings }))),
    floor: async () => {
      const { path } = await filled(size)
      return withoutCpu(afterFirst(await race([floor.command('finish', path, count, level, 1)])))
    },
  })
  const none = { durability: 'none' }
  const skip = lacking(features, 'durability')
  return {
    name: 'a queue of a million',
    about:
      'The rate of claim and done is that after the first item: the listing comes before it. ' +
      'At the level none the floor opens done/ for each item, fsq once in a turn of the event loop.',
    metrics: [
      { key: 'first', label: 'first item', unit: 'ms' },
      { key: 'rate', label: 'rate', unit: 'items/s' },
    ],
    cases:
      size === undefined
        ? []
        : [
            { name: `enqueue, durable, ${items}`, variants: enqueueVariants(amount(500), 'full') },
            {
              name: `enqueue, level none, ${items}`,
              skip,
              variants: enqueueVariants(amount(5000), 'none', none),
            },
            {
              name: `claim and done, durable, ${items}`,
              variants: finishing(amount(2000), 'full'),
            },
            {
              name: `claim and done, level none, ${items}`,
              skip,
              variants: finishing(amount(20_000), 'none', none),
            },
          ],
  }
}
