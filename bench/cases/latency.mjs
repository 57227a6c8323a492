// From the acknowledgement of an enqueue to the start of its handler in another process.
import { nodeProgram } from '../place.mjs'
import { race } from '../race.mjs'
import { percentile } from '../statistics.mjs'
import { taskOf } from './measure.mjs'

export function latencyCases({ place, amount }) {
  const count = amount(300)
  const variants = (wake) => ({
    fsq: async () => {
      const queue = await place.newQueue({ triggered: wake === 'trigger' })
      const { results } = await race([
        nodeProgram('work', taskOf(place, queue, { count })),
        nodeProgram(
          'produce',
          taskOf(place, queue, { count, every: 10, pull: wake === 'trigger' }),
        ),
      ])
      const [{ starts }, { acknowledged }] = results
      const waits = Object.entries(acknowledged).map(([id, at]) => (starts[id] - at) / 1e6)
      return { half: percentile(waits, 0.5), most: percentile(waits, 0.99) }
    },
  })
  return {
    name: 'latency',
    about:
      'From the acknowledgement of a durable enqueue to the start of its handler in another process that ' +
      'is idle, an item about every 10 ms. Below 0: inotify tells of an item that is there, but not yet ' +
      'acknowledged since its directory is still being synced.',
    metrics: [
      { key: 'half', label: 'p50', unit: 'ms' },
      { key: 'most', label: 'p99', unit: 'ms' },
    ],
    cases: [
      { name: 'trigger FIFO', variants: variants('trigger') },
      { name: 'inotify on queue/', variants: variants('inotify') },
    ],
  }
}
