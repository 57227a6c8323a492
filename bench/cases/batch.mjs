// enqueueMany: what is synced is synced for the whole batch.
import { lacking } from '../features.mjs'
import { race } from '../race.mjs'
import { sequential } from './enqueue.mjs'
import { enqueue, rate } from './measure.mjs'

/** Batches by fsq and by the floor, with one syncfs a batch or an fsync a file. */
export function batchVariants({ place, floor }, { count, batch, syncfs }) {
  const settings = syncfs === undefined ? {} : { syncfs }
  const way = syncfs === 'never' ? 'fsync' : 'syncfs'
  return {
    fsq: () => enqueue(place, { count, size: 1024, batch, settings }),
    floor: async () => {
      const { path } = await place.newQueue()
      return rate(await race([floor.command('batch', path, count, 1024, batch, way)]))
    },
  }
}

export function batchCases(bench) {
  const { features, amount } = bench
  const count = amount(5000)
  return {
    name: 'durable batch',
    about:
      'queue.enqueueMany() of 1 KiB items. Floor: C that creates and writes all, syncs with one syncfs, ' +
      'or an fsync of each one after the other, links all, syncs the directory, unlinks all.',
    sequential,
    cases: [100, 500].flatMap((batch) => [
      {
        name: `batches of ${batch}`,
        skip: lacking(features, 'enqueueMany'),
        variants: batchVariants(bench, { count, batch }),
      },
      {
        name: `batches of ${batch}, syncfs never`,
        skip: lacking(features, 'enqueueMany', 'syncfs'),
        variants: batchVariants(bench, { count, batch, syncfs: 'never' }),
      },
    ]),
  }
}
