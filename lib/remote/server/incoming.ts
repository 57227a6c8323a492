import type { IncomingMessage, ServerResponse } from 'node:http'
import { after } from '../../timer.js'
import { untilAborted } from '../../until-aborted.js'
import type { Budget } from './budget.js'
import { busy, Refusal } from './refusal.js'

/** How the body of a request is to come. */
export interface Pace {
  /** The most bytes; 0 for any number. */
  readonly limit: number
  /** For so long, in seconds, it may bring less than {@link leastProgress}. */
  readonly stall: number
  /** Whether the client waits to be told that the body is wanted. */
  readonly expected: boolean
}

/** In so many bytes a body has to come within the time that it may stall for. */
const leastProgress = 16 * 1024

/**
 * Looks whether a body of the size that is announced may come.
 *
 * @throws {@link Refusal}
 */
export function checkAnnounced({ headers }: IncomingMessage, { limit }: Pick<Pace, 'limit'>): void {
  const { 'content-length': length, 'transfer-encoding': transfer } = headers
  if (length === undefined && transfer === undefined)
    throw new Refusal(411, 'the length of the body is not told')
  if (transfer !== undefined && transfer.toLowerCase() !== 'chunked')
    throw new Refusal(400, 'no transfer encoding but chunked', { headers: { Connection: 'close' } })
  if ((headers['content-encoding'] ?? 'identity') !== 'identity')
    throw new Refusal(415, 'no content encoding')
  if (limit > 0 && Number(length ?? 0) > limit) throw tooLarge(limit)
}

/**
 * The pieces of a body as they come. To leave early leaves the request open, so that it can be
 * answered.
 *
 * @throws {@link Refusal} where it is too large, too slow, or ends before its end.
 */
export async function* incoming(
  request: IncomingMessage,
  response: ServerResponse,
  { limit, stall, expected }: Pace,
): AsyncGenerator<Buffer> {
  if (expected) response.writeContinue()
  const pieces = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer, undefined>
  const watch = new StallWatch(stall)
  let size = 0
  try {
    for (;;) {
      const next = await watch.over(() => pieces.next()).catch(brokenOff)
      if (next.done === true) break
      size += next.value.length
      if (limit > 0 && size > limit) throw tooLarge(limit)
      watch.progress(next.value.length)
      yield next.value
    }
  } finally {
    // So that what still comes can be read by others. Not waited for: it may wait for the client.
    pieces.return?.().catch(() => undefined)
  }
  if (!request.complete) brokenOff()
}

/** The connection has ended, or what came on it was no body. */
function brokenOff(cause?: unknown): never {
  throw cause instanceof Refusal ? cause : new Refusal(400, 'the body ended before its end')
}

/**
 * A whole body in memory, of which it takes its share of the budget.
 *
 * @throws {@link Refusal}
 */
export async function collect(
  pieces: AsyncIterable<Buffer>,
  budget: Budget,
): Promise<Disposable & { readonly bytes: Buffer }> {
  const share = budget.share()
  const collected: Buffer[] = []
  let size = 0
  try {
    for await (const piece of pieces) {
      size += piece.length
      if (!share.grow(size)) throw busy('too many large requests at once')
      collected.push(piece)
    }
    return {
      bytes: Buffer.concat(collected),
      [Symbol.dispose]: () => {
        share[Symbol.dispose]()
      },
    }
  } catch (error) {
    share[Symbol.dispose]()
    throw error
  }
}

function tooLarge(limit: number): Refusal {
  return new Refusal(413, `the body is larger than the ${limit} bytes that are allowed`)
}

/** Counts the time for which a client is waited for, which is not the time that our disk takes. */
class StallWatch {
  readonly #allowed: number
  #waited = 0
  #arrived = 0

  constructor(seconds: number) {
    this.#allowed = seconds * 1000
  }

  /** Some of it came. */
  progress(bytes: number): void {
    this.#arrived += bytes
    if (this.#arrived < leastProgress) return
    this.#arrived = 0
    this.#waited = 0
  }

  /** Waits for more, but not too long. */
  async over<T>(wait: () => Promise<T>): Promise<T> {
    const began = performance.now()
    const controller = new AbortController()
    const forget = after((this.#allowed - this.#waited) / 1000, () => {
      controller.abort(new Refusal(408, 'the body comes too slowly'))
    })
    try {
      return await untilAborted(wait(), controller.signal)
    } finally {
      forget()
      this.#waited += performance.now() - began
    }
  }
}
