/**
 * fsq/remote: work that travels between machines, fsq(7)'s way: over JSON-RPC, by HTTP.
 *
 * @packageDocumentation
 */
export type { ListenAddress } from './server/listen.js'
export type { RequestEvent } from './server/request-event.js'
export { type CloseOptions, createServer, type Server } from './server/server.js'
export type { ServerOptions, TlsFiles } from './server/server-options.js'
