// { jetstream, servers, action }: forwards from a queue into NATS, or receives from it, until it is killed.
import { pathToFileURL } from 'node:url'
import { task } from './gate.mjs'
import { queue } from './library.mjs'

const { forwardItems, openJetStream, receiveItems, setupQueues } = await import(
  pathToFileURL(task.jetstream).href
)
const servers = task.servers.split(',')
const jetstream = openJetStream({ servers })
await setupQueues(jetstream, [queue.name], { replicas: servers.length === 1 ? 1 : 3 })
process.stdout.write('ready\n')
if (task.action === 'forward') await forwardItems(queue, jetstream)
else await receiveItems(queue, jetstream)
