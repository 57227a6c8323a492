/**
 * Carries items between machines over NATS JetStream: {@link forwardItems} empties a local queue into the
 * servers, {@link receiveItems} fills one from them, and who enqueues or works on items sees nothing of it.
 *
 * ```ts
 * import { openRoot } from 'fsq'
 * import { forwardItems, openJetStream, setupQueues } from 'fsq/jetstream'
 *
 * const jetStream = openJetStream({ servers: ['nats://n1:4222', 'nats://n2:4222'] })
 * await setupQueues(jetStream, ['mail'])
 * await forwardItems(openRoot().queue('mail'), jetStream)
 * ```
 *
 * It needs the packages `@nats-io/transport-node`, `@nats-io/jetstream`, `@nats-io/kv` and `@nats-io/obj`.
 *
 * @packageDocumentation
 */
export { JetStream, type JetStreamOptions, type JetStreamTls, openJetStream } from './connection.js'
export { type DeadChoice, listDead, removeDead, type RequeuedDead, requeueDead } from './dead.js'
export type { DeadLetter } from './dead-letters.js'
export type {
  DeadEvent,
  NatsAwayEvent,
  NatsErrorEvent,
  NatsEvent,
  NatsIdleEvent,
  NatsItemEvent,
  NatsQueueEvent,
  RefusedEvent,
} from './events.js'
export { forwardItems, type ForwardOptions, type ForwardResult } from './forward.js'
export type {
  Entries,
  EntriesOptions,
  Entry,
  Hold,
  KeyValues,
  WatchedEntries,
} from '../../key-values.js'
export { jetStreamKeyValues } from './key-values.js'
export { NatsError, type NatsTrouble } from './nats-error.js'
export { receiveItems, type ReceiveResult } from './receive.js'
export type { ReceiveItemsOptions } from './receive-options.js'
export { type SetupOptions, setupQueues, type SetupStep } from './setup.js'
export {
  type NatsQueueStatus,
  type NatsStatus,
  natsStatus,
  type NatsTargetStatus,
  type Stored,
} from './status.js'
