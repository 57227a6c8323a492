// { jetstream, servers, action, count, concurrency, size }: forwards a queue that is full into NATS, or receives into
// an empty one; or publishes as many bodies, without fsq.
import { jetstream as streams } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { pathToFileURL } from 'node:url'
import { inFlight, measured, task } from './gate.mjs'
import { practice, queue, root } from './library.mjs'

const { openRoot } = await import(pathToFileURL(task.library).href)
const { forwardItems, openJetStream, receiveItems, setupQueues } = await import(
  pathToFileURL(task.jetstream).href
)
const { servers, action, count, concurrency, size } = task
const jetstream = openJetStream({ servers: servers.split(',') })
const replicas = servers.split(',').length === 1 ? 1 : 3
const hosts = task.host === undefined ? [] : [task.host]
const target = task.host ?? 'any'
const body = Buffer.alloc(size, 'x')

const setup = (queues) => setupQueues(jetstream, queues, { replicas, hosts })

const actions = {
  /** What the engine itself does, by its own client. */
  async publish(from, count) {
    const client = streams(connection)
    const subject = `fsq.work.${from.name}.${target}`
    await inFlight(count, concurrency, async (i) => {
      // Of several servers, one may not have heard of a new stream yet.
      const options = { msgID: `${from.name}-${process.pid}-${i}`, retries: 20 }
      await client.publish(subject, body, options)
    })
    return count
  },
  async forward(from) {
    const { forwarded } = await forwardItems(from, jetstream, {
      concurrency,
      to: target,
      follow: false,
    })
    return forwarded
  },
  async receive(into) {
    const { host } = task
    const options = { concurrency, follow: false, depth: 1_000_000, ...(host ? { host } : {}) }
    return (await receiveItems(into, jetstream, options)).received
  },
}

/** Puts items where the action takes them from; what is received comes from a queue of that name elsewhere. */
async function fill(into, count) {
  if (action === 'publish') return
  const isThere = action === 'forward'
  const from = isThere ? into : await elsewhere.install(into.name)
  await from.enqueueMany(Array.from({ length: count }, () => ({ body })))
  if (isThere) return
  await forwardItems(from, jetstream, { to: target, follow: false, concurrency: 256 })
}

const elsewhere = openRoot({ root: `${root.settings.root}-elsewhere` })
const connection = action === 'publish' ? await connect({ servers: servers.split(',') }) : undefined
const some = await practice()
await setup([queue.name, some.name])
// As often whatever is measured: an action of some hundred items that is alone in flight is still being compiled.
const little = 2000
await fill(some, little)
await actions[action](some, little)
await fill(queue, count)
await measured(async () => {
  const did = await actions[action](queue, count)
  if (did !== count) throw new Error(`${action}: ${did} of ${count}`)
  return { count }
})
await connection?.close()
await jetstream.close()
