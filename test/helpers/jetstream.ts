import { setTimeout } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { Test } from 'tap'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import {
  forwardItems,
  type ForwardOptions,
  type ForwardResult,
  type JetStream,
  type JetStreamOptions,
  type NatsEvent,
  openJetStream,
  receiveItems,
  type ReceiveItemsOptions,
  type ReceiveResult,
  setupQueues,
  type SetupOptions,
} from '../../lib/adapters/jetstream/index.js'
import type { Queue } from '../../lib/root/queue.js'
import { natsServer, type NatsOptions, type NatsServer } from './nats.js'
import { temporaryQueue } from './temporary.js'

/** Something that goes on, and tells what happens. */
export interface Following<Result> {
  readonly events: readonly NatsEvent[]
  /** How many there were of a type. */
  readonly count: (type: NatsEvent['type']) => number
  /** Resolves when there were so many of a type, since the beginning. */
  readonly until: (type: NatsEvent['type'], count?: number) => Promise<void>
  /** Has it end. */
  readonly stop: () => Promise<Result>
  /** What came of it, when it ends by itself. */
  readonly ended: Promise<Result>
}

/** Milliseconds after which what did not happen never will. */
const tooLong = 40_000

/** How it is told to go on, and to end. */
interface Told {
  readonly onEvent: (event: NatsEvent) => void
  readonly signal: AbortSignal
}

/** Starts something; it ends with the test. */
export function following<Result>(
  t: Test,
  start: (told: Told) => Promise<Result>,
): Following<Result> {
  const events: NatsEvent[] = []
  const ending = new AbortController()
  let waiting: (() => void)[] = []
  const ended = start({
    signal: ending.signal,
    onEvent: (event) => {
      events.push(event)
      for (const look of waiting) look()
    },
  })
  ended.catch(() => undefined) // Whoever waits for it is told.
  const stop = async (): Promise<Result> => {
    ending.abort()
    return ended
  }
  t.teardown(() => stop().catch(() => undefined))
  const count: Following<Result>['count'] = (type) =>
    events.filter((event) => event.type === type).length
  return {
    events,
    count,
    ended,
    stop,
    until: async (type, least = 1) => {
      const come = new Promise<void>((resolve) => {
        const look = (): void => {
          if (count(type) < least) return
          waiting = waiting.filter((each) => each !== look)
          resolve()
        }
        waiting.push(look)
        look()
      })
      const told = (): string => events.map((each) => inspect(each, { depth: 1 })).join('\n')
      const giveUp = new AbortController()
      const never = setTimeout(tooLong, undefined, { signal: giveUp.signal }).then(() => {
        throw new Error(`no ${least} ${type} came, but ${told()}`)
      })
      const over = ended.then(() => {
        if (count(type) < least) throw new Error(`it ended before ${least} ${type} came: ${told()}`)
      })
      never.catch(() => undefined)
      try {
        await Promise.race([come, never, over])
      } finally {
        giveUp.abort()
      }
    },
  }
}

/** A queue here, one of that name elsewhere, and a server between them. */
export interface Way {
  readonly server: NatsServer
  readonly jetstream: JetStream
  readonly near: Queue
  readonly far: Queue
  readonly forward: (options?: ForwardOptions) => Following<ForwardResult>
  readonly receive: (options?: ReceiveItemsOptions) => Following<ReceiveResult>
  /** A connection of the client, to look and to interfere. */
  readonly connection: () => Promise<NatsConnection>
  /** How many messages a stream has. */
  readonly messages: (stream: string) => Promise<number>
}

/** How it is made. */
export interface WayOptions {
  readonly nats?: NatsOptions
  readonly setup?: SetupOptions
  readonly jetstream?: JetStreamOptions
}

/** A new {@link Way}, set up; ends with the test. */
export async function newWay(t: Test, options: WayOptions = {}): Promise<Way> {
  const server = await natsServer(t, options.nats)
  const jetstream = opened(t, { servers: server.url, ...options.jetstream })
  await setupQueues(jetstream, ['q'], options.setup)
  const [near, far] = [await temporaryQueue(t), await temporaryQueue(t)]
  const connection = async (): Promise<NatsConnection> => {
    const connection = await connect({ servers: server.url })
    t.teardown(() => connection.close())
    return connection
  }
  return {
    server,
    jetstream,
    near,
    far,
    forward: (more) =>
      following(t, (told) => forwardItems(near, jetstream, { sweep: 3600, ...told, ...more })),
    receive: (more) => following(t, (told) => receiveItems(far, jetstream, { ...told, ...more })),
    connection,
    messages: async (stream) => {
      const manager = await jetstreamManager(await connection())
      return (await manager.streams.info(stream)).state.messages
    },
  }
}

/** NATS, closed when the test ends. */
export function opened(t: Test, options: JetStreamOptions): JetStream {
  const jetstream = openJetStream(options)
  t.teardown(() => jetstream.close())
  return jetstream
}
