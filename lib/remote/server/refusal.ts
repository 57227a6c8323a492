import type { OutgoingHttpHeaders } from 'node:http'

/** Why a request is not served, in the terms of HTTP. */
export class Refusal extends Error {
  /** The HTTP status. */
  readonly status: number
  /** What went wrong, as the codes of fsq have it. */
  readonly code: string
  /** What HTTP wants beside the status, such as when to come again. */
  readonly headers: OutgoingHttpHeaders

  constructor(
    status: number,
    message: string,
    { code = 'FSQ_REMOTE', headers = {} }: { code?: string; headers?: OutgoingHttpHeaders } = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** The server has enough to do; another time it will not. */
export function busy(message: string): Refusal {
  return new Refusal(503, message, { headers: { 'Retry-After': '1' } })
}
