import { once } from 'node:events'
import { type OutgoingHttpHeaders, request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import {
  createServer,
  type RequestEvent,
  type Server,
  type ServerOptions,
} from '../../lib/remote/index.js'
import type { Queue } from '../../lib/root/queue.js'
import type { Root } from '../../lib/root/root.js'
import type { SettingsOptions } from '../../lib/settings.js'
import { temporaryRoot } from './temporary.js'

/** What a server answered. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** A request. */
export interface Sent {
  readonly method?: string
  readonly path?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Uint8Array
}

/** A server on loopback, over a root with the queue `q`. */
export interface Served {
  readonly root: Root
  readonly queue: Queue
  readonly server: Server
  readonly port: number
  /** The requests that it told of so far, and a promise of the next. */
  readonly events: RequestEvent[]
  readonly nextEvent: () => Promise<RequestEvent>
  /** What went wrong there. */
  readonly errors: unknown[]
  /** Sends a request on a connection of its own. */
  readonly send: (sent: Sent) => Promise<Answer>
  /** Posts a value as JSON. */
  readonly post: (message: unknown, headers?: OutgoingHttpHeaders) => Promise<Answer>
  /** Calls a method; what is answered, as an object. */
  readonly call: (method: string, params?: unknown) => Promise<Record<string, unknown>>
  /** Opens a connection. */
  readonly open: () => Promise<Raw>
}

/** A connection on which anything may be written. */
export interface Raw {
  readonly socket: Socket
  readonly write: (text: string | Uint8Array) => void
  /** What came, once the connection is closed. */
  readonly closed: Promise<string>
  /** What came so far. */
  readonly text: () => string
  /** Waits until what came matches. */
  readonly until: (pattern: RegExp) => Promise<string>
}

/** A new {@link Served}, which ends with the test. */
export async function served(
  t: Test,
  options: ServerOptions = {},
  settings: SettingsOptions = {},
): Promise<Served> {
  const root = temporaryRoot(t, settings)
  const queue = await root.install('q')
  const events: RequestEvent[] = []
  const errors: unknown[] = []
  const waiting: ((event: RequestEvent) => void)[] = []
  const server = createServer(root, {
    onError: (error) => errors.push(error),
    ...options,
    onRequest: (event) => {
      events.push(event)
      waiting.shift()?.(event)
    },
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const port = Number(new URL(url).port)
  const sockets = new Set<Socket>()
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await server.close({ grace: 0 })
  })
  const send = (sent: Sent): Promise<Answer> => sendTo(port, sent)
  const post = (message: unknown, headers: OutgoingHttpHeaders = {}): Promise<Answer> =>
    send({
      method: 'POST',
      headers: { 'Content-Type': 'application/json-rpc', ...headers },
      body: typeof message === 'string' ? message : JSON.stringify(message),
    })
  return {
    root,
    queue,
    server,
    port,
    events,
    nextEvent: () => new Promise((resolve) => waiting.push(resolve)),
    errors,
    send,
    post,
    call: async (method, params) => {
      const { text } = await post({ jsonrpc: '2.0', id: 1, method, params })
      return JSON.parse(text) as Record<string, unknown>
    },
    open: async () => {
      const raw = await openTo(port)
      sockets.add(raw.socket)
      return raw
    },
  }
}

/** Sends a request on a connection of its own. */
export async function sendTo(
  where: number | string,
  { method = 'GET', path = '/', headers = {}, body = '' }: Sent,
): Promise<Answer> {
  const length = method === 'GET' ? {} : { 'Content-Length': Buffer.byteLength(body) }
  const to = typeof where === 'string' ? { socketPath: where } : { host: '127.0.0.1', port: where }
  const request = httpRequest({
    ...to,
    method,
    path,
    headers: { ...length, ...headers },
    agent: false,
  })
  request.on('error', () => undefined) // Whoever waits for the answer is told.
  request.end(body)
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage]
  const pieces: Buffer[] = []
  for await (const piece of response) pieces.push(piece as Buffer)
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: Buffer.concat(pieces).toString(),
  }
}

/** Opens a connection. */
export async function openTo(port: number): Promise<Raw> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  let text = ''
  socket.on('data', (piece: Buffer) => (text += piece.toString('latin1')))
  socket.on('end', () => socket.end())
  socket.on('error', () => undefined) // What came is what counts.
  // Not by once(), which fails where the server resets the connection before it is closed.
  const closed = new Promise<string>((resolve) => {
    socket.on('close', () => {
      resolve(text)
    })
  })
  await once(socket, 'connect')
  return {
    socket,
    write: (piece) => socket.write(piece),
    closed,
    text: () => text,
    until: async (pattern) => {
      while (!pattern.test(text)) {
        if (socket.destroyed) throw new Error(`closed after ${JSON.stringify(text)}`)
        const more = new Promise((resolve) => socket.once('data', resolve))
        await Promise.race([more, closed])
      }
      return text
    },
  }
}
