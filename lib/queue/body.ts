import { Readable } from 'node:stream'
import { FsqError, reasonOf } from '../errors.js'
import { untilAborted } from '../until-aborted.js'
import type { Charset } from '../name/charset.js'
import { close, openForReading, readPieces, writeFully } from '../posix/files.js'

/** A body that is read from a file, to its end. */
export interface FileBody {
  /** The path of the file. */
  readonly file: string
}

/** A body that is read from an open descriptor, from where it is to its end. */
export interface DescriptorBody {
  /** The descriptor; it stays open. */
  readonly fd: number
}

/**
 * The body of an item. A string, written in the charset, or bytes are the body itself; a file, a
 * descriptor, a stream or an async iterable gives it, of any size, in constant memory.
 */
export type Body =
  string | Uint8Array | FileBody | DescriptorBody | AsyncIterable<string | Uint8Array>

/**
 * Writes a body to an open file.
 *
 * @throws {@link FsqError} `FSQ_BODY` where its source fails; `TypeError` for what is no body; the
 * system's error where it cannot be written.
 */
export async function writeBody(
  fd: number,
  body: Body,
  charset: Charset,
  signal?: AbortSignal,
): Promise<void> {
  if (typeof body === 'string' || body instanceof Uint8Array) {
    await writeFully(fd, toBytes(body, charset))
    return
  }
  checkSource(body)
  checkUnread(body)
  for await (const piece of abortable(piecesOf(body), signal)) {
    await writeFully(fd, toBytes(piece, charset))
  }
}

/**
 * Ends the source of a body, read or not, as a loop over a stream does when it is left early: an
 * enqueue may fail before it has looked at the body, or be aborted while it waits for it.
 */
export function releaseBody(body: Body): void {
  if (!(body instanceof Readable)) return
  body.on('error', () => undefined) // Whatever it is, the enqueue has failed already, or is done.
  body.destroy()
}

function checkSource(body: unknown): void {
  const isSource = typeof body === 'object' && body !== null
  if (isSource && (Symbol.asyncIterator in body || 'fd' in body || 'file' in body)) return
  throw new TypeError('Expected a body: a string, bytes, { file }, { fd } or a stream')
}

/** A stream that was read to its end gives nothing more, which is not the body that somebody meant. */
function checkUnread(body: object): void {
  if (body instanceof Readable && body.readableEnded)
    throw new FsqError('FSQ_BODY', 'cannot read the body: its stream was read to its end before')
}

function toBytes(piece: unknown, charset: Charset): Uint8Array {
  if (typeof piece === 'string') return charset.encode(piece)
  if (piece instanceof Uint8Array) return piece
  throw new TypeError(`Expected a body to be made of strings and bytes, got ${typeof piece}`)
}

async function* piecesOf(body: Exclude<Body, string | Uint8Array>): AsyncGenerator {
  try {
    if (Symbol.asyncIterator in body) yield* body
    else if ('fd' in body) yield* readPieces(body.fd)
    else yield* fileReader(body.file)
  } catch (cause) {
    const source = 'file' in body ? `the body from ${body.file}` : 'the body'
    throw new FsqError('FSQ_BODY', `cannot read ${source}: ${reasonOf(cause)}`, {
      ...('file' in body ? { path: body.file } : {}),
      cause,
    })
  }
}

async function* fileReader(path: string): AsyncGenerator<Uint8Array> {
  const fd = await openForReading(path)
  try {
    yield* readPieces(fd)
  } finally {
    close(fd)
  }
}

/**
 * The same pieces until the signal aborts; then it throws the signal's reason at once, even while
 * the source keeps it waiting.
 */
async function* abortable<T>(
  pieces: AsyncGenerator<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  if (signal === undefined) {
    yield* pieces
    return
  }
  let waiting = false
  try {
    for (;;) {
      waiting = true
      const result = await untilAborted(pieces.next(), signal)
      waiting = false
      if (result.done === true) return
      yield result.value
    }
  } finally {
    // A generator that waits for its source finishes only after it; nobody should wait for that.
    const returned = pieces.return(undefined)
    if (waiting) returned.catch(() => undefined)
    else await returned
  }
}
