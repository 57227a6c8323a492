import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { Test } from 'tap'

/** A request as it arrived. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
  /** The body as JSON. */
  readonly json: Readonly<Record<string, unknown>>
}

/** What is answered: a status with a body, or, as a text, what is written to the socket as it is. */
export type Reply =
  | {
      readonly status?: number
      readonly headers?: http.OutgoingHttpHeaders
      readonly body: unknown
    }
  | { readonly hangUp: true }
  | { readonly silence: true }

/** A server that does what a test says, and remembers what it was asked. */
export interface TestServer {
  readonly address: string
  readonly received: Received[]
  /** How many connections there were. */
  readonly connections: () => number
  readonly close: () => Promise<void>
}

/** How it listens. */
export interface TestServerOptions {
  readonly tls?: https.ServerOptions
  readonly socketPath?: string
  readonly port?: number
}

/** Starts a server that answers so, until the test ends. */
export async function httpServer(
  t: Test,
  reply: (received: Received) => Reply | Promise<Reply>,
  { tls, socketPath, port = 0 }: TestServerOptions = {},
): Promise<TestServer> {
  const received: Received[] = []
  let connections = 0
  const serve: http.RequestListener = (request, response) => {
    answer(request, response).catch(() => undefined) // It went away in the middle of its request.
  }
  const answer = async (
    request: http.IncomingMessage,
    response: http.ServerResponse,
  ): Promise<void> => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    const body = Buffer.concat(pieces)
    const one: Received = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body,
      get json() {
        return JSON.parse(body.toString()) as Record<string, unknown>
      },
    }
    received.push(one)
    const answered = await reply(one)
    if ('silence' in answered) return
    if ('hangUp' in answered) {
      request.socket.destroy()
      return
    }
    const { status = 200, headers = {} } = answered
    const text = typeof answered.body === 'string' ? answered.body : JSON.stringify(answered.body)
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
    response.end(text)
  }
  const server = tls === undefined ? http.createServer(serve) : https.createServer(tls, serve)
  server.on(tls === undefined ? 'connection' : 'secureConnection', () => connections++)
  server.listen(socketPath === undefined ? { port, host: '127.0.0.1' } : { path: socketPath })
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  t.teardown(close)
  const scheme = tls === undefined ? 'http' : 'https'
  const listening = server.address() ?? ''
  return {
    address:
      typeof listening === 'string'
        ? `unix://${listening}`
        : `${scheme}://127.0.0.1:${listening.port}/`,
    received,
    connections: () => connections,
    close,
  }
}

/** What the methods of a JSON-RPC server give. */
export type Methods = Readonly<Record<string, (params: never) => unknown>>

/** The reply of a JSON-RPC server; what a method throws is the error that it answers. */
export function rpc(methods: Methods): (received: Received) => Reply {
  return ({ json }) => {
    const { id, method, params } = json as { id: unknown; method: string; params: never }
    if (method === 'system.listMethods')
      return { body: { jsonrpc: '2.0', id, result: [...Object.keys(methods), method] } }
    const act = methods[method]
    try {
      if (act === undefined) throw { code: -32601, message: `no method ${method}` }
      return { body: { jsonrpc: '2.0', id, result: act(params) } }
    } catch (error) {
      return { body: { jsonrpc: '2.0', id, error } }
    }
  }
}
