import { once } from 'node:events'
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { after } from '../timer.js'
import { Trouble } from './trouble.js'

/*
 * One request and its answer. A large body waits until the remote says that it wants it (100-continue),
 * so that one that may not be sent, or would be too large there, is refused before it is on its way.
 */

/** What is sent: bytes, or so many of them in pieces, each of which is good until the next. */
export type Payload =
  Uint8Array | { readonly size: number; readonly pieces: () => AsyncIterable<Uint8Array> }

/** What a remote answered. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** From this size on the remote is asked whether it wants a body before it is sent, in bytes. */
export const askFrom = 1024 * 1024

/** How long a remote may take to say that it wants a body, in seconds; some never say it. */
const wantTakes = 2

/** No answer of an fsq is longer, in bytes. */
const longestAnswer = 1024 * 1024

/** How many bytes are sent at a time. */
const pieceSize = 256 * 1024

/**
 * Sends the body of a request that has its headers, and reads the answer.
 *
 * @param timeout - how long the remote may keep us waiting, in seconds, be it for a connection, for the
 * next piece of the body to go, or for the answer; not for a connection that others use
 * @throws the system's error; `ETIMEDOUT`; {@link Trouble}; what the pieces of the body throw.
 */
export async function exchange(
  request: ClientRequest,
  payload: Payload,
  timeout: number,
): Promise<Answer> {
  using deadline = new Deadline(request, timeout)
  const failed = new Promise<never>((_, reject) => request.on('error', reject))
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  answered.catch(() => undefined) // What fails is told by the other.
  const early = sizeOf(payload) >= askFrom
  if (early) request.flushHeaders()
  if (!early || (await Promise.race([isWanted(request, answered), failed])))
    await Promise.race([write(request, payload, deadline), answered, failed])
  const [message] = await Promise.race([answered, failed])
  const text = await Promise.race([read(message), failed])
  if (!request.writableEnded) request.destroy() // Not all of the body went, nor will it.
  return { status: message.statusCode ?? 0, headers: message.headers, text }
}

/** The size of a body in bytes. */
export function sizeOf(payload: Payload): number {
  return payload instanceof Uint8Array ? payload.length : payload.size
}

/** Whether the body is to be sent: not where the answer came before it. */
async function isWanted(request: ClientRequest, answered: Promise<unknown>): Promise<boolean> {
  let forget = (): void => undefined
  const wanted = new Promise<boolean>((resolve) => {
    request.once('continue', () => {
      resolve(true)
    })
    request.once('socket', () => {
      forget = after(wantTakes, () => {
        resolve(true)
      })
    })
  })
  try {
    return await Promise.race([wanted, answered.then(() => false)])
  } finally {
    forget()
  }
}

async function write(request: ClientRequest, payload: Payload, deadline: Deadline): Promise<void> {
  if (payload instanceof Uint8Array && payload.length <= pieceSize) {
    request.end(payload)
    return
  }
  const size = sizeOf(payload)
  let written = 0
  for await (const piece of payload instanceof Uint8Array ? piecesOf(payload) : payload.pieces()) {
    written += piece.length
    if (written > size) throw changed()
    await new Promise<void>((resolve, reject) => {
      request.write(piece, (error) => {
        if (error) reject(error)
        else resolve()
      })
    })
    deadline.extend()
  }
  if (written < size) throw changed()
  request.end()
}

/** Of bytes that are written at once we hear only when all of them went, however long a slow line takes. */
function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize)
}

function changed(): Trouble {
  return new Trouble('failed', 'its body changed while it was sent')
}

async function read(message: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of message as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > longestAnswer)
      throw new Trouble('away', 'its answer is longer than that of any fsq')
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

/** Ends a request that has not got on for so long. */
class Deadline implements Disposable {
  readonly #request: ClientRequest
  readonly #seconds: number
  #forget = (): void => undefined
  #isOver = false

  constructor(request: ClientRequest, seconds: number) {
    this.#request = request
    this.#seconds = seconds
    request.once('socket', () => {
      this.extend()
    })
  }

  /** It has got on. */
  extend(): void {
    this.#forget()
    if (this.#isOver) return
    this.#forget = after(this.#seconds, () => {
      const message = `there was no answer within ${this.#seconds} s`
      this.#request.destroy(Object.assign(new Error(message), { code: 'ETIMEDOUT' }))
    })
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#forget()
  }
}
