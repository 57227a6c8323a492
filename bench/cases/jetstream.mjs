// Items that travel through NATS JetStream on loopback, beside what its own client publishes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { openRoot } from '../../dist/index.js'
import { withNats, withoutNats } from '../nats.mjs'
import { jetstreamLibrary, nodeProgram } from '../place.mjs'
import { race } from '../race.mjs'
import { percentile } from '../statistics.mjs'
import { rate, taskOf } from './measure.mjs'

const topologies = [
  { name: 'one server', nodes: 1, sync: false },
  { name: 'three servers', nodes: 3, sync: false },
  { name: 'one server that syncs', nodes: 1, sync: true },
  { name: 'three servers that sync', nodes: 3, sync: true },
]

const actions = [
  { name: 'forward', action: 'forward' },
  { name: 'receive from the pool', action: 'receive' },
  { name: 'receive as a named host', action: 'receive', host: 'h' },
]

const group = 'jetstream'

/** As many threads as the program has for this: `fsq nats`. */
const env = { UV_THREADPOOL_SIZE: '16' }

/** The id of each case that has a rate. */
export const jetstreamRates = topologies.flatMap((topology) =>
  actions.flatMap(({ name }) =>
    [1, 64].map((many) => `${group}: ${caseName(name, many, topology)}`),
  ),
)

function caseName(name, many, topology) {
  return `${name}, ${many} in flight, ${topology.name}`
}

export function jetstreamCases({ place, amount }) {
  const skipOf = (topology) => {
    const skip = withoutNats(topology)
    return skip === undefined ? {} : { skip }
  }

  const run = (topology, task) => () =>
    withNats(place, topology, async (servers) => {
      const queue = await place.newQueue()
      const all = { jetstream: jetstreamLibrary, servers, size: 1024, ...task }
      return rate(await race([nodeProgram('nats', taskOf(place, queue, all))], { env }))
    })

  const rates = topologies.flatMap((topology) =>
    actions.flatMap(({ name, ...task }) =>
      [1, 64].map((concurrency) => {
        const work = { ...task, concurrency, count: amount(concurrency === 1 ? 500 : 5000) }
        return {
          name: caseName(name, concurrency, topology),
          ...skipOf(topology),
          variants: {
            fsq: run(topology, work),
            engine: run(topology, { ...work, action: 'publish' }),
          },
        }
      }),
    ),
  )

  /** Producer, forwarder, receiver and worker are processes of their own. */
  async function latency(topology) {
    const count = amount(300)
    return withNats(place, topology, async (servers) => {
      const queue = await place.newQueue()
      const far = openRoot({ root: place.newPath('root') })
      await far.install(queue.name)
      const nats = { jetstream: jetstreamLibrary, servers }
      const forward = { ...taskOf(place, queue, nats), action: 'forward' }
      const receive = { ...forward, action: 'receive', root: far.settings.root }
      const followers = [forward, receive].map(follow)
      try {
        await Promise.all(followers.map(({ ready }) => ready))
        await firstArrives(queue, far.queue(queue.name))
        const { results } = await race([
          nodeProgram('work', { ...taskOf(place, queue, { count }), root: far.settings.root }),
          nodeProgram('produce', taskOf(place, queue, { count, every: 20 })),
        ])
        const [{ starts }, { acknowledged }] = results
        const waits = Object.entries(acknowledged).map(([id, at]) => (starts[id] - at) / 1e6)
        return { half: percentile(waits, 0.5), most: percentile(waits, 0.99) }
      } finally {
        await Promise.all(followers.map(({ end }) => end()))
      }
    })
  }

  return {
    name: group,
    about:
      'Items of 1 KiB, durable on both sides, through NATS servers on loopback with as many replicas as there are ' +
      'servers. "engine" is what the client of NATS publishes into the same stream, as many in flight, with an id ' +
      'each: no file is read, written or synced for it. Whatever speaks to NATS has the 16 threads that `fsq nats` ' +
      'has. "Syncs" is sync_interval: always. Latency is from the acknowledgement of the enqueue to the start of the handler ' +
      'behind the receiver.',
    metrics: [
      { key: 'rate', unit: 'items/s' },
      { key: 'half', label: 'p50', unit: 'ms' },
      { key: 'most', label: 'p99', unit: 'ms' },
    ],
    cases: [
      ...rates,
      ...topologies.map((topology) => ({
        name: `latency, ${topology.name}`,
        ...skipOf(topology),
        variants: { fsq: () => latency(topology) },
      })),
    ],
  }
}

/** Sends an item, and removes it there: servers that have just come up may take seconds. */
async function firstArrives(near, far) {
  const id = await near.enqueue('')
  for (;;) {
    const item = await far.claim(id).catch(() => undefined)
    if (item !== undefined) return item.done()
    await setTimeout(20)
  }
}

/** Starts a program that follows until it is ended. */
function follow(task) {
  const [file, ...words] = nodeProgram('nats-follow', task)
  const child = spawn(file, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let stderr = ''
  child.stderr.on('data', (piece) => (stderr += piece))
  const closed = once(child, 'close')
  const failed = closed.then(() => {
    throw new Error(`${task.action} ended: ${stderr}`)
  })
  failed.catch(() => undefined)
  return {
    ready: Promise.race([once(child.stdout, 'data'), failed]),
    end: async () => {
      child.kill('SIGKILL')
      await closed
    },
  }
}
