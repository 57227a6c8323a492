// Durable enqueue: each is acknowledged when its file and its directory entry are synced.
import { race } from '../race.mjs'
import { bareEnqueue, enqueue, rate } from './measure.mjs'

const KiB = 1024

/** The case whose floor is the sequential one, to which others are compared as well. */
export const sequential = 'durable enqueue: 1 KiB, one after another'

export function enqueueCases({ place, floor, amount }) {
  const variants = (count, size, { concurrency = 1, processes = 1, env } = {}) => ({
    fsq: () => enqueue(place, { count, size, concurrency, processes, env }),
    floor: async () => {
      const { path } = await place.newQueue()
      const each = Math.ceil(count / processes)
      const command = floor.command('enqueue', path, each, size, 'full', concurrency)
      return rate(await race(Array(processes).fill(command)))
    },
  })
  return {
    name: 'durable enqueue',
    about:
      'Floor: C that does open, fchmod, write, fsync, link, fsync of the directory, close, unlink for ' +
      'each item, and looks three times as fsq does; in as many threads or processes. "Bare Node.js" is a plain loop of the ' +
      'same calls.',
    sequential,
    cases: [
      { name: 'empty, one after another', variants: variants(amount(1000), 0) },
      {
        name: '1 KiB, one after another',
        variants: {
          ...variants(amount(1000), KiB),
          'bare Node.js': () => bareEnqueue(place, { count: amount(1000), size: KiB }),
        },
      },
      { name: '64 KiB, one after another', variants: variants(amount(500), 64 * KiB) },
      { name: '1 MiB, one after another', variants: variants(amount(60), KiB * KiB) },
      { name: '1 KiB, 16 in flight', variants: variants(amount(3000), KiB, { concurrency: 16 }) },
      { name: '1 KiB, 64 in flight', variants: variants(amount(3000), KiB, { concurrency: 64 }) },
      {
        name: '1 KiB, 64 in flight, UV_THREADPOOL_SIZE=16',
        variants: variants(amount(3000), KiB, {
          concurrency: 64,
          env: { UV_THREADPOOL_SIZE: '16' },
        }),
      },
      { name: '1 KiB, 4 processes', variants: variants(amount(2000), KiB, { processes: 4 }) },
    ],
  }
}
