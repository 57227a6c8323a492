// Claim and done: a scan that lists, locks and moves to done/ everything in a queue.
import { race } from '../race.mjs'
import { filledQueue } from '../place.mjs'
import { runPython } from '../rivals/python-fsq.mjs'
import { finish, rate } from './measure.mjs'

/** Work on a queue of so many items by fsq and by the floor. */
export function finishVariants({ place, floor, python }, { count, level, settings, ...how }) {
  const { concurrency = 1, processes = 1 } = how
  const alone = concurrency * processes === 1
  const pythonToo = {
    'Python fsq': async () => {
      const queue = (await filledQueue(place, count, 1024)).name
      return rate(await runPython(python, place, { queue, count, work: true, read: false }))
    },
  }
  return {
    fsq: async () => {
      const queue = await filledQueue(place, count, 1024)
      return rate(await finish(place, queue, { count, concurrency, processes, settings }))
    },
    floor: async () => {
      const { path } = await filledQueue(place, count, 1024)
      const command = floor.command('finish', path, count, level, concurrency)
      return rate(await race(Array(processes).fill(command)))
    },
    ...(alone && python !== undefined ? pythonToo : {}),
  }
}

export function finishCases(bench) {
  const { amount } = bench
  const variants = (count, how) => finishVariants(bench, { count, level: 'full', ...how })
  return {
    name: 'claim and done, durable',
    about:
      'Listing included; bodies of 1 KiB, not read. Floor: C that lists and sorts, for each item looks ' +
      'for the down file, open, fstat, flock, lstat; lstat, futimens, open of done/, renameat2, fstat ' +
      'and fsync of it, close of both. The Python fsq syncs nothing here.',
    cases: [
      { name: 'one worker', variants: variants(amount(1000)) },
      { name: '16 in flight', variants: variants(amount(3000), { concurrency: 16 }) },
      { name: '4 processes', variants: variants(amount(2000), { processes: 4 }) },
    ],
  }
}
