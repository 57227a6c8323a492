/**
 * fsq/remote: work that travels between machines, fsq(7)'s way: over JSON-RPC, by HTTP.
 *
 * ```ts
 * import { openRoot } from 'fsq'
 * import { createServer, openRemote, pushItems } from 'fsq/remote'
 *
 * const there = openRoot({ root: '/tmp/queues' })
 * const inbox = await there.install('inbox')
 * const server = createServer(there)
 * const url = await server.listen({ host: '127.0.0.1', port: 0 })
 *
 * const mail = await there.install('mail') // usually of another root, on another machine
 * await mail.enqueue('Dear Alice', ['alice'])
 * const remote = openRemote(url)
 * const { pushed } = await pushItems(mail, remote, 'inbox') // while it is away, this waits
 * for await (const item of inbox.scan()) console.log(pushed, await item.text())
 * remote.close()
 * await server.close()
 * ```
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
