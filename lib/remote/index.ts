/**
 * fsq/remote: work that travels between machines, fsq(7)'s way: over JSON-RPC, by HTTP.
 *
 * @packageDocumentation
 */
export type { ListenAddress } from './server/listen.js'
export type { RequestEvent } from './server/request-event.js'
export { type CloseOptions, createServer, type Server } from './server/server.js'
export type { ServerOptions, TlsFiles } from './server/server-options.js'
export { push, remoteTriggerPull } from './push.js'
export {
  type PushEvent,
  pushItems,
  type PushItemsOptions,
  type PushItemsResult,
  type RemoteEvent,
} from './push-items.js'
export {
  type CallOptions,
  openRemote,
  type Remote,
  type RemoteDownOptions,
  type RemoteOptions,
  type RemoteTriggerOptions,
} from './remote.js'
export type { RemoteTls } from './connections.js'
