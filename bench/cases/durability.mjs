// The weaker levels of durability. Left out where this fsq has only the full one.
import { lacking } from '../features.mjs'
import { race } from '../race.mjs'
import { finishVariants } from './finish.mjs'
import { bareEnqueue, enqueue, rate } from './measure.mjs'

export function durabilityCases(bench) {
  const { place, floor, features, amount } = bench
  const skip = lacking(features, 'durability')
  const enqueueVariants = (count, durability, concurrency = 1) => ({
    fsq: () => enqueue(place, { count, size: 1024, concurrency, settings: { durability } }),
    floor: async () => {
      const { path } = await place.newQueue()
      const level = durability === 'none' ? 'none' : 'full'
      const threads = level === 'none' ? 1 : concurrency // More of them only get in each other's way.
      return rate(await race([floor.command('enqueue', path, count, 1024, level, threads)]))
    },
  })
  const finishing = (count, durability, how) =>
    finishVariants(bench, { count, level: 'none', settings: { durability }, ...how })
  return {
    name: 'durability enqueue and none',
    about:
      'The same work at the weaker levels: `enqueue` syncs enqueues alone, `none` syncs nothing. Floor: ' +
      'the same C, without the syncs that the level leaves out. At `none` it opens done/ for each item, fsq once ' +
      'in a turn of the event loop (5 ms).',
    cases: [
      { name: 'enqueue 1 KiB, level enqueue', variants: enqueueVariants(amount(1000), 'enqueue') },
      {
        name: 'enqueue 1 KiB, level none',
        variants: {
          ...enqueueVariants(amount(10_000), 'none'),
          'bare Node.js': () =>
            bareEnqueue(place, {
              count: amount(10_000),
              size: 1024,
              settings: { durability: 'none' },
            }),
        },
      },
      {
        name: 'enqueue 1 KiB, level none, 64 in flight',
        variants: enqueueVariants(amount(10_000), 'none', 64),
      },
      { name: 'claim and done, level enqueue', variants: finishing(amount(10_000), 'enqueue') },
      { name: 'claim and done, level none', variants: finishing(amount(10_000), 'none') },
      {
        name: 'claim and done, level none, 16 in flight',
        variants: finishing(amount(10_000), 'none', { concurrency: 16 }),
      },
      {
        name: 'claim and done, level none, 4 processes',
        variants: finishing(amount(10_000), 'none', { processes: 4 }),
      },
    ].map((each) => ({ skip, ...each })),
  }
}
