import type { ConsumerInfo, StreamInfo } from '@nats-io/jetstream'
import { checkName } from '../../queue/context.js'
import type { Connected, JetStream } from './connection.js'
import { bodiesBucket, claimsBucket, deadStream, exhaustedAdvisory } from './layout.js'
import { NatsError } from './nats-error.js'
import { pool, readSubject, subjectsOf } from './subject.js'

/** What is on the servers. */
export interface NatsStatus {
  /** The server that answered. */
  readonly server: {
    /** Its name. */
    readonly name: string
    /** Its version. */
    readonly version: string
    /** The name of its cluster, if it is in one. */
    readonly cluster?: string
  }
  /** The queues, by their names. */
  readonly queues: readonly NatsQueueStatus[]
  /** How many messages are in the stream of the dead letters, of all queues. */
  readonly dead: number
  /** The bodies that are kept apart. */
  readonly bodies: Stored
  /** The claims of items from pools. */
  readonly claims: Stored
}

/** How much of something there is. */
export interface Stored {
  /** How many. */
  readonly count: number
  /** How large together, in bytes. */
  readonly bytes: number
}

/** A queue on the servers. */
export interface NatsQueueStatus {
  /** Its name. */
  readonly queue: string
  /** The stream that it is in. */
  readonly stream: string
  /** How many servers keep each message. */
  readonly replicas: number
  /** How many items are there: those that wait, and those that were delivered and not confirmed. */
  readonly depth: number
  /** Since when the oldest of them is there. */
  readonly oldest?: Date
  /** How many of its messages are dead letters, those included that were confirmed late. */
  readonly dead: number
  /** For whom they are. */
  readonly targets: readonly NatsTargetStatus[]
}

/** Items of a queue that are for a host, or for the pool. */
export interface NatsTargetStatus {
  /** The host, or `any`. */
  readonly target: string
  /** How many wait to be delivered: how far it lags behind. */
  readonly waiting: number
  /** How many were delivered and not confirmed. */
  readonly underWay: number
  /** How many of those were delivered more than once. */
  readonly redelivered: number
  /** How many requests of receivers wait for items. */
  readonly pulls: number
}

/**
 * Looks what is on the servers.
 *
 * @param queues - their names; none: all that were set up
 * @throws `FsqError` `FSQ_NATS_SETUP` for a queue that was not set up; `FSQ_NATS`, `FSQ_DENIED`,
 * `FSQ_NATS_CLIENT`
 */
export async function natsStatus(
  jetStream: JetStream,
  queues: readonly string[] = [],
): Promise<NatsStatus> {
  for (const queue of queues) checkName('queue', queue)
  return jetStream.use('look at the queues', async (connected) => {
    const { nats, manager } = connected
    const all = await allQueues(connected)
    const missing = queues.find((queue) => !all.has(queue))
    if (missing !== undefined) {
      const message = `queue ${missing} is not on the servers; "fsq nats setup ${missing}" makes it`
      throw new NatsError('setup', message, { queue: missing })
    }
    const names = queues.length > 0 ? queues : [...all.keys()].sort()
    const found: NatsQueueStatus[] = []
    for (const name of names) found.push(await statusOf(connected, name, all.get(name) ?? []))
    const { server_name: name = '', version = '', cluster = '' } = nats.info ?? {}
    return {
      server: { name, version, ...(cluster !== '' && { cluster }) },
      queues: found,
      dead: (await manager.streams.info(deadStream)).state.messages,
      // The pieces of each have a subject of their own; of one that was removed there are none.
      bodies: await storedIn(connected, `OBJ_${bodiesBucket}`, `$O.${bodiesBucket}.C.>`),
      claims: await storedIn(connected, `KV_${claimsBucket}`),
    }
  })
}

/** The consumers of each queue. */
async function allQueues({ manager }: Connected): Promise<Map<string, ConsumerInfo[]>> {
  const queues = new Map<string, ConsumerInfo[]>()
  for await (const stream of manager.streams.names('fsq.work.>')) {
    for await (const consumer of manager.consumers.list(stream)) {
      const subject = readSubject(consumer.config.filter_subject ?? '')
      if (subject?.kind !== 'work') continue
      const consumers = queues.get(subject.queue) ?? []
      consumers.push(consumer)
      queues.set(subject.queue, consumers)
    }
  }
  return queues
}

async function statusOf(
  connected: Connected,
  queue: string,
  consumers: readonly ConsumerInfo[],
): Promise<NatsQueueStatus> {
  const { manager } = connected
  const stream = consumers[0]?.stream_name ?? ''
  const filter = subjectsOf('work', queue)
  const info = await manager.streams.info(stream, { subjects_filter: filter })
  const first = { seq: 1, next_by_subj: filter } // The types do not know that of the servers.
  const oldest = await manager.streams.getMessage(stream, first)
  return {
    queue,
    stream,
    replicas: info.config.num_replicas,
    depth: sum(info),
    ...(oldest !== null && { oldest: oldest.time }),
    dead: await deadOf(connected, queue, stream, consumers),
    targets: consumers.map(targetOf).sort((a, b) => order(a).localeCompare(order(b))),
  }
}

/** The copies that receivers made, and what the consumers have delivered as often as they may. */
async function deadOf(
  { manager }: Connected,
  queue: string,
  stream: string,
  consumers: readonly ConsumerInfo[],
): Promise<number> {
  const within = async (filter: string): Promise<StreamInfo> =>
    manager.streams.info(deadStream, { subjects_filter: filter })
  const copies = sum(await within(subjectsOf('dead', queue)))
  const { state } = await within(`${exhaustedAdvisory}.${stream}.*`)
  return consumers.reduce((total, { name }) => {
    return total + (state.subjects?.[`${exhaustedAdvisory}.${stream}.${name}`] ?? 0)
  }, copies)
}

function targetOf(consumer: ConsumerInfo): NatsTargetStatus {
  const { config, num_pending, num_ack_pending, num_redelivered, num_waiting } = consumer
  return {
    target: readSubject(config.filter_subject ?? '')?.host ?? pool,
    waiting: num_pending,
    underWay: num_ack_pending,
    redelivered: num_redelivered,
    pulls: num_waiting,
  }
}

/** The pool first. */
function order({ target }: NatsTargetStatus): string {
  return target === pool ? '' : target
}

function sum({ state }: StreamInfo): number {
  return Object.values(state.subjects ?? {}).reduce((total, count) => total + count, 0)
}

async function storedIn(
  { manager }: Connected,
  stream: string,
  subjects?: string,
): Promise<Stored> {
  const info = await manager.streams.info(
    stream,
    subjects === undefined ? undefined : { subjects_filter: subjects },
  )
  return {
    count:
      subjects === undefined ? info.state.messages : Object.keys(info.state.subjects ?? {}).length,
    bytes: info.state.bytes,
  }
}
