import http from 'node:http'
import https from 'node:https'
import { errnoOf } from '../errors.js'
import type { Address } from './address.js'
import { type Answer, askFrom, exchange, type Payload, sizeOf } from './exchange.js'

/** A request to a remote. */
export interface Request {
  readonly method: 'POST' | 'PUT'
  readonly path: string
  /** The type of its body. */
  readonly type: string
  readonly payload: Payload
  readonly signal?: AbortSignal | undefined
}

/** Whom we trust, and what we show, where the connection is encrypted; all of it PEM. */
export interface RemoteTls {
  /** Certificates of the authorities that are trusted. @defaultValue those that Node.js trusts */
  readonly ca?: string | Uint8Array | undefined
  /** The certificate that we show. @defaultValue none */
  readonly cert?: string | Uint8Array | undefined
  /** Its key. */
  readonly key?: string | Uint8Array | undefined
}

/** How a remote is connected to. */
export interface ConnectionOptions {
  /** How many connections there are at most. */
  readonly connections: number
  /** See {@link exchange}. */
  readonly timeout: number
  readonly authorization: string | undefined
  readonly tls: RemoteTls
}

/** Connections to a remote, each kept for the next request. None keeps the process alive. */
export class Connections implements Disposable {
  readonly #timeout: number
  readonly #agent: http.Agent
  readonly #request: typeof http.request
  readonly #common: https.RequestOptions
  readonly #headers: Readonly<Record<string, string>>

  constructor(address: Address, { connections, timeout, authorization, tls }: ConnectionOptions) {
    const { secure, where, hostHeader } = address
    const { Agent, request } = secure ? https : http
    this.#timeout = timeout
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
    this.#request = request
    this.#common = {
      ...where,
      ...(secure ? defined(tls) : {}),
      agent: this.#agent,
    }
    this.#headers = {
      Host: hostHeader,
      'User-Agent': 'fsq',
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    }
  }

  /**
   * Sends a request and gives its answer, whatever that says. It must be one that may arrive twice: a
   * connection that was kept may turn out to have been closed by the remote meanwhile, and the request
   * goes out again on another.
   *
   * @throws the reason of the signal, and what {@link exchange} throws.
   */
  async send({ method, path, type, payload, signal }: Request): Promise<Answer> {
    const size = sizeOf(payload)
    for (;;) {
      signal?.throwIfAborted()
      const request = this.#request({
        ...this.#common,
        method,
        path,
        headers: {
          ...this.#headers,
          'Content-Type': type,
          'Content-Length': size,
          ...(size >= askFrom ? { Expect: '100-continue' } : {}),
        },
        ...(signal === undefined ? {} : { signal }),
      })
      try {
        return await exchange(request, payload, this.#timeout)
      } catch (error) {
        request.destroy()
        signal?.throwIfAborted()
        if (!request.reusedSocket || !isClosed(error)) throw error
      }
    }
  }

  /** Closes the connections; requests that are under way fail. */
  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

function isClosed(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(errnoOf(error) ?? '')
}

/** Node.js takes a member that is undefined for something. */
function defined(options: RemoteTls): https.RequestOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
