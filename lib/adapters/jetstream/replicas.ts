import type { Connected, JetStream } from './connection.js'
import { leaseBucket } from './layout.js'
import { NatsError } from './nats-error.js'

/*
 * On how many servers each message is kept. The server that we are connected to tells whether it is in a cluster;
 * where everything is in another domain, behind a leaf node, that says nothing.
 */

/** How many it has to be at least, and whether somebody said so. */
export interface Replicas {
  readonly atLeast: number
  readonly given: boolean
}

/** @throws {@link NatsError} where nobody said it and it cannot be known */
export async function replicasFor(
  connected: Connected,
  jetStream: JetStream,
  replicas?: number,
): Promise<Replicas> {
  if (replicas !== undefined) return { atLeast: replicas, given: true }
  const usual = isAlone(connected) ? 1 : 3
  const known = isElsewhere(connected, jetStream) ? await replicasThere(connected) : usual
  if (known !== undefined) return { atLeast: known, given: false }
  const domain = String(jetStream.domain)
  const message =
    `on how many servers to keep everything in JetStream domain ${domain} cannot be seen from here; ` +
    '"fsq nats setup --replicas" says it'
  throw new NatsError('setup', message)
}

/** A server that is alone accepts more replicas for what is there, and cannot start with them again. */
export function checkCluster(connected: Connected, jetStream: JetStream, replicas = 1): void {
  if (replicas === 1 || isElsewhere(connected, jetStream) || !isAlone(connected)) return
  const message = `cannot keep everything on ${replicas} servers: this one is in no cluster`
  throw new NatsError('setup', message)
}

/** Whether the server is in no cluster; one with leaf nodes, or that is one, says its own name then. */
function isAlone({ nats: { info } }: Connected): boolean {
  return info?.cluster === undefined || info.cluster === info.server_name
}

/** Whether it is in another domain, where there may be a cluster that this server is not in. */
function isElsewhere({ nats }: Connected, { domain }: JetStream): boolean {
  // The types do not know that of the servers.
  const here: unknown = nats.info !== undefined && 'domain' in nats.info && nats.info.domain
  return domain !== undefined && here !== domain
}

/** On how many servers is kept what every setup makes; undefined where there is none of it yet. */
async function replicasThere({ manager }: Connected): Promise<number | undefined> {
  try {
    return (await manager.streams.info(`KV_${leaseBucket}`)).config.num_replicas
  } catch (error) {
    if (error instanceof Error && error.name === 'StreamNotFoundError') return undefined
    throw error
  }
}
