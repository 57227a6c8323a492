// fsq itself, as the rivals are measured: the body is read, and many items at a time are those that
// its program has in flight.
import { nodeProgram } from '../place.mjs'
import { race } from '../race.mjs'
import { taskOf } from '../cases/measure.mjs'

export const fsqLibrary = {
  name: 'fsq',
  promises: {
    durable: 'an acknowledged enqueue and an acknowledged done survive the loss of power',
    weaker: 'durability none: safe against killed processes, not against the loss of power',
  },
  async start({ place, features }, level) {
    if (level === 'weaker' && !features.durability) throw new Error('this fsq has no durability')
    const settings = level === 'weaker' ? { durability: 'none' } : {}
    const queues = new Map()
    const queueOf = async (name) => {
      if (!queues.has(name)) queues.set(name, await place.newQueue())
      return queues.get(name)
    }
    return {
      async enqueue(name, count, many) {
        const way = features.enqueueMany ? { batch: 500 } : { concurrency: 64 }
        const task = { count, size: 1024, settings, ...(many ? way : {}) }
        return race([nodeProgram('enqueue', taskOf(place, await queueOf(name), task))])
      },
      async work(name, count, many) {
        const task = { count, settings, read: true, concurrency: many ? 64 : 1 }
        return race([nodeProgram('finish', taskOf(place, await queueOf(name), task))])
      },
    }
  },
}
