import type { IncomingMessage } from 'node:http'
import type { Caller } from './caller.js'
import type { RequestEvent } from './request-event.js'

/** No more of what a client sent is logged, in characters: a path, or the name of a method. */
const longest = 1024

/** Collects what is to be told of one request. */
export class RequestLog {
  readonly #request: IncomingMessage
  readonly #client: string
  readonly #began = performance.now()
  readonly #noted: { -readonly [K in keyof RequestEvent]?: RequestEvent[K] } = {}
  /** The size of the body, as far as it came. */
  bytes = 0

  constructor(request: IncomingMessage) {
    this.#request = request
    this.#client = clientOf(request)
  }

  /** Who sent it. */
  sentBy({ name }: Caller): void {
    if (name !== undefined) this.#noted.caller = name
  }

  /** A call that is made. */
  called(method: string): void {
    this.#noted.call ??= cut(method)
  }

  /** There are so many calls. */
  batch(calls: number): void {
    this.#noted.call = 'batch'
    this.#noted.calls = calls
  }

  /** A queue, and maybe an item, that it is about. */
  named(queue: string, id?: string): void {
    this.#noted.queue = cut(queue)
    if (id !== undefined) this.#noted.id = cut(id)
  }

  /** What went wrong; of several, the first. */
  failed(code: string | number, message: string): void {
    this.#noted.error ??= { code, message }
  }

  /** What came of it all. */
  event(status: number): RequestEvent {
    const { method = '-', url = '-' } = this.#request
    const { caller, error, ...named } = this.#noted
    return {
      time: new Date(),
      client: this.#client,
      ...(caller === undefined ? {} : { caller }),
      method,
      path: cut(url.replace(/[?#].*$/s, '')),
      ...named,
      status,
      bytes: this.bytes,
      seconds: (performance.now() - this.#began) / 1000,
      ...(error === undefined ? {} : { error }),
    }
  }
}

/** The address of a client; that of a unix socket has none. */
export function clientOf({ socket }: Pick<IncomingMessage, 'socket'>): string {
  const { remoteAddress, remoteFamily, remotePort } = socket
  if (remoteAddress === undefined) return 'unix'
  const isIPv6 = remoteFamily === 'IPv6'
  return `${isIPv6 ? `[${remoteAddress}]` : remoteAddress}:${String(remotePort)}`
}

function cut(text: string): string {
  return text.slice(0, longest)
}
