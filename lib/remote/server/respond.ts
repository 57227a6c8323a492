import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** How much of a body that nobody wants is still read, so that its sender sees the answer, in bytes. */
const readOn = 16 * 1024 * 1024

/** And for how long, in milliseconds. */
const readOnFor = 2000

/** What is answered. */
export interface Response {
  readonly status: number
  readonly type?: string | undefined
  readonly body: string
  readonly headers?: OutgoingHttpHeaders
}

/** Answers a request, the body of which may not have come yet. */
export function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { status, type, body, headers = {} }: Response,
  closing: boolean,
): void {
  const bytes = Buffer.from(body)
  response.writeHead(status, {
    ...headers,
    ...(type === undefined ? {} : { 'Content-Type': type }),
    'Content-Length': bytes.length,
    'X-Content-Type-Options': 'nosniff',
    // Where more is to come, the connection has to last until that is read.
    ...(closing && request.complete ? { Connection: 'close' } : {}),
  })
  response.end(bytes)
  if (!request.complete) drain(request)
}

/**
 * Reads on, and ends the connection when there is too much of it: to close a connection on which bytes
 * are unread may take the answer away from who sends them.
 */
function drain(request: IncomingMessage): void {
  const { socket } = request
  let left = readOn
  const timer = setTimeout(() => socket.destroy(), readOnFor)
  request.on('data', (piece: Buffer) => {
    left -= piece.length
    if (left < 0) socket.destroy()
  })
  request.once('end', () => {
    socket.destroySoon()
  })
  socket.once('close', () => {
    clearTimeout(timer)
  })
}
