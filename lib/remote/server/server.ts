import {
  createServer as createHttp,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttps, type Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Root } from '../../root/root.js'
import { after, longestTimer } from '../../timer.js'
import { Budget } from './budget.js'
import { Connections } from './connections.js'
import { Enqueues } from './enqueues.js'
import { listen, type ListenAddress } from './listen.js'
import type { RequestEvent } from './request-event.js'
import { clientOf, RequestLog } from './request-log.js'
import { respond } from './respond.js'
import { type Exchange, refusalOf, serve, type Service } from './serve.js'
import { serverLimits, type ServerLimits, type ServerOptions } from './server-options.js'
import { readTls } from './tls.js'
import { Tokens } from './tokens.js'
import { Turns } from './turns.js'

/** The longest head of a request, in bytes. */
const longestHead = 16 * 1024

/** How long a connection is kept for a next request, and one that nothing happens on, in milliseconds. */
const keptFor = 30_000
const quietFor = 120_000

/** At the end, how long requests that are on their way may take to come, in milliseconds. */
const settleTime = 50

/** How a server is closed. */
export interface CloseOptions {
  /** How long requests that are being served may take, in seconds. @defaultValue 30 */
  readonly grace?: number | undefined
}

/**
 * The receiving end of push: takes items that come by HTTP into the queues of a root. Made by
 * {@link createServer}.
 */
export class Server implements AsyncDisposable {
  readonly #options: ServerOptions
  readonly #limits: ServerLimits
  readonly #http: HttpServer | HttpsServer
  readonly #connections: Connections
  readonly #service: Service
  readonly #serving = new Set<Promise<void>>()
  readonly #turns = new Turns((socket) => {
    this.#connections.end(socket)
  })
  #tokens: Tokens | undefined
  #hostNames: readonly string[] | undefined
  #closing: Promise<void> | undefined
  #url: string | undefined

  /** @internal */
  constructor(root: Root, options: ServerOptions) {
    this.#options = options
    this.#limits = serverLimits(options)
    this.#tokens = readTokens(options)
    const { trigger = false, onError = () => undefined } = options
    this.#service = {
      root,
      enqueues: new Enqueues(trigger, onError),
      limits: this.#limits,
      budget: new Budget(this.#limits.maxBodies),
      onError,
      tokens: () => this.#tokens,
      hostNames: () => this.#hostNames,
      closing: () => this.#closing !== undefined,
    }
    this.#connections = new Connections(this.#limits.maxConnections, (socket) => {
      this.#drop(socket)
    })
    this.#http = this.#create()
  }

  /** Where it listens, once it does: `http://127.0.0.1:7771/`, `unix:///run/fsq.sock`. */
  get url(): string | undefined {
    return this.#url
  }

  /**
   * Listens.
   *
   * @returns the URL
   * @throws `FsqError` `FSQ_LISTEN`: also for an address that others than this machine can reach,
   * where there are neither tokens nor certificates of clients, nor `insecure`.
   */
  async listen(address: ListenAddress): Promise<string> {
    const { tokenFile, tls, insecure = false } = this.#options
    const knowsClients = tokenFile !== undefined || tls?.clientCa !== undefined
    const anyHost = knowsClients || insecure || 'socket' in address
    this.#hostNames = anyHost ? undefined : [address.host.toLowerCase()]
    const scheme = tls === undefined ? 'http' : 'https'
    this.#url = await listen(this.#http, address, scheme, knowsClients || insecure)
    this.#http.on('error', (error) => this.#options.onError?.(error))
    return this.#url
  }

  /**
   * Reads tokens and certificates again. Where they cannot be used, those that are in force stay.
   *
   * @throws `FsqError` `FSQ_TOKENS`, `FSQ_LISTEN`
   */
  reload(): void {
    const tokens = readTokens(this.#options)
    const { tls } = this.#options
    if (tls !== undefined && 'setSecureContext' in this.#http)
      this.#http.setSecureContext(readTls(tls))
    this.#tokens = tokens
  }

  /** Ends: takes no more connections, and waits for the requests that are being served. */
  async close({ grace = 30 }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(grace)
    await this.#closing
  }

  /** {@link close} */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(grace: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#http.close(() => {
        resolve()
      })
    })
    const forget = after(grace, () => {
      this.#http.closeAllConnections()
    })
    await sleep(settleTime)
    this.#connections.closeIdle()
    await closed
    forget()
    await Promise.all(this.#serving)
  }

  #create(): HttpServer | HttpsServer {
    const { tls } = this.#options
    const options = {
      headersTimeout: Math.min(this.#limits.headTimeout * 1000, longestTimer),
      requestTimeout: 0, // Bodies are watched as they come.
      keepAliveTimeout: keptFor,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: longestHead,
    }
    const server =
      tls === undefined
        ? createHttp(options)
        : createHttps({ ...options, ...readTls(tls), handshakeTimeout: options.headersTimeout })
    server.timeout = quietFor
    server.on('request', (request, response) => {
      this.#take(request, response, false)
    })
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      this.#take(request, response, true)
    })
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      this.#refuse(error, socket)
    })
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      this.#tell(socket, 0, { code: error.code ?? 'TLS', message: error.message })
    })
    this.#connections.watch(server)
    return server
  }

  #take(request: IncomingMessage, response: ServerResponse, expected: boolean): void {
    request.on('error', () => undefined) // Whoever reads the body is told.
    this.#turns.take(request.socket, async () => {
      const serving = this.#serve(request, response, expected).catch((error: unknown) => {
        this.#options.onError?.(error)
        request.destroy()
      })
      this.#serving.add(serving)
      await serving
      this.#serving.delete(serving)
    })
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    expected: boolean,
  ): Promise<void> {
    const { socket } = request
    const log = new RequestLog(request)
    const onAdmitted = (): void => {
      this.#connections.begin(socket)
    }
    const exchange: Exchange = { request, response, log, expected, onAdmitted }
    const answer = await serve(this.#service, exchange).catch((error: unknown) => {
      const { status, code, message, headers } = refusalOf(error)
      log.failed(code, message)
      if (status === 500) this.#options.onError?.(error)
      const body = `${JSON.stringify({ error: { code, message } })}\n`
      return { status, type: 'application/json', body, headers }
    })
    const isThere = !response.destroyed && !socket.destroyed
    if (isThere) respond(request, response, answer, this.#closing !== undefined)
    this.#report(log.event(isThere ? answer.status : 0))
    if (isThere) await isSent(response, socket)
  }

  /** What is no request of HTTP, or takes too long to become one. */
  #refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    const status = statuses[error.code ?? ''] ?? 400
    const isAnswerable =
      error.code !== 'ECONNRESET' && socket.writable && !this.#turns.isServed(socket)
    if (isAnswerable) {
      socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      // What it still sends is not looked at.
      setTimeout(() => socket.destroy(), 1000).unref()
    } else {
      socket.destroy()
    }
    if (this.#turns.isServed(socket) || error.code === 'ECONNRESET') return
    this.#tell(socket, status, { code: error.code ?? '', message: error.message })
  }

  /** There are too many connections, all of which serve. */
  #drop(socket: Socket): void {
    if (this.#options.tls !== undefined) {
      socket.destroy()
    } else {
      socket.on('error', () => undefined)
      socket.resume() // To close it with bytes unread may take the answer away.
      socket.end(
        'HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
      )
      setTimeout(() => socket.destroy(), 1000).unref()
    }
    this.#tell(socket, 503, { code: 'FSQ_REMOTE', message: 'too many connections' })
  }

  /** What never became a request. */
  #tell(socket: Socket, status: number, error: { code: string; message: string }): void {
    this.#report({
      time: new Date(),
      client: clientOf({ socket }),
      method: '-',
      path: '-',
      status,
      error,
      bytes: 0,
      seconds: 0,
    })
  }

  #report(event: RequestEvent): void {
    this.#options.onRequest?.(event)
  }
}

const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/** Waits until an answer is sent, or the connection has ended. */
async function isSent(response: ServerResponse, socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('close', done)
      resolve()
    }
    response.once('close', done)
    socket.once('close', done)
  })
}

function readTokens({ tokenFile }: ServerOptions): Tokens | undefined {
  return tokenFile === undefined ? undefined : Tokens.read(tokenFile)
}

/**
 * A server that takes items into the queues of a root, as `fsq push` and the Python fsq send them. It
 * listens when it is told to.
 *
 * @throws `FsqError` `FSQ_TOKENS`, `FSQ_LISTEN` for certificates that cannot be used; `TypeError`.
 */
export function createServer(root: Root, options: ServerOptions = {}): Server {
  return new Server(root, options)
}
