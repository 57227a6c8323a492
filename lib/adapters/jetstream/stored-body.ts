import { createHash } from 'node:crypto'
import { FsqError } from '../../errors.js'
import type { Arriving } from '../../queue/incoming.js'
import type { Delivery, Engine } from './engine.js'
import type { Envelope } from './envelope.js'

/** A body that is missing, or another than it should be: it may be about to be put again. */
export class UnusableBody extends FsqError {
  constructor(message: string) {
    super('FSQ_NATS_MESSAGE', message)
  }
}

/**
 * The body of an item, wherever it is; of one that is kept apart no more than its message says, and of that
 * digest.
 *
 * @throws {@link UnusableBody} while it is read
 */
export function bodyOf(
  engine: Engine,
  { body }: Delivery,
  { id, stored }: Envelope,
): Uint8Array | AsyncIterable<Uint8Array> {
  return stored === undefined ? body : storedBody(engine, id, stored)
}

async function* storedBody(
  engine: Engine,
  id: string,
  { name, size, digest }: NonNullable<Envelope['stored']>,
): AsyncGenerator<Uint8Array> {
  const pieces = await engine.bodies.get(name)
  if (pieces === undefined) throw new UnusableBody(`the body of item ${id} is not there`)
  const hash = createHash('sha256')
  let length = 0
  for await (const piece of pieces) {
    length += piece.length
    if (length > size) break
    hash.update(piece)
    yield piece
  }
  if (length !== size)
    throw new UnusableBody(
      `the body of item ${id} has ${length > size ? 'more' : length} bytes, not ${size}`,
    )
  if (hash.digest('hex') !== digest)
    throw new UnusableBody(`the body of item ${id} has another digest than its message says`)
}

/** Whether what is staged is what is delivered, the whole of it. */
export async function isSameBody(
  staged: Arriving,
  { body }: Delivery,
  { stored }: Envelope,
): Promise<boolean> {
  const hash = createHash('sha256')
  for await (const piece of staged.pieces()) hash.update(piece)
  const expected = stored?.digest ?? createHash('sha256').update(body).digest('hex')
  return hash.digest('hex') === expected
}

/** What failed while a body was written may be the fault of where it comes from. */
export function causeOf(error: unknown): unknown {
  const isOfBody = error instanceof FsqError && error.code === 'FSQ_BODY'
  return isOfBody && error.cause instanceof FsqError ? error.cause : error
}
