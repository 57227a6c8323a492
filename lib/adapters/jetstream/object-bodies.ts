import { createHash } from 'node:crypto'
import type { Connected, JetStream } from './connection.js'
import type { Bodies } from './engine.js'
import { bodiesBucket } from './layout.js'
import { isOutrun, natsError } from './nats-error.js'

/*
 * Large bodies in an object store of JetStream. They are written and read by ourselves: the package reads them as
 * fast as they come, whether or not the disk can follow, and leaves the chunks of one that was cut for ever. An
 * object is chunks under a subject that is drawn for it, and what says which:
 *
 *   1. say that chunks are about to come, beside     the body that was there before, if any, and chunks that the
 *      what is there                                 next who puts or removes it finds, and purges
 *   2. write the chunks                              the same
 *   3. say that these are the body                   the body, and the chunks of the one before
 *   4. purge the chunks of the one before            the body
 *
 * What is said is replaced only by who knows what was said last: of two who put a body at a time one fails.
 */

/** A chunk, in bytes: it has to fit into an answer of the server, in Base64. */
const chunkSize = 512 * 1024

/** What is said of a body: what the package says, and which chunks are about to come. */
interface Said {
  readonly nuid: string
  readonly chunks: number
  readonly deleted: boolean
  readonly coming?: string
}

/** Nothing, or what is said, with its number. */
interface Known {
  readonly said: Said | undefined
  readonly revision: number
}

/** The largest bodies are kept so. */
export function objectBodies(jetStream: JetStream): Bodies {
  return {
    put: async (name, body) =>
      jetStream.use(`keep the body ${name}`, async (connected) => put(connected, name, body)),
    get: async (name) =>
      jetStream.use(`find the body ${name}`, async (connected) => {
        const { said } = await look(connected, name)
        if (said === undefined || said.deleted) return undefined
        return chunksOf(connected, name, said.nuid, said.chunks)
      }),
    remove: async (name) =>
      jetStream.use(`remove the body ${name}`, async (connected) => {
        let { said, revision } = await look(connected, name)
        for (const nuid = said?.nuid; said !== undefined && said.nuid === nuid;) {
          const none = { ...said, chunks: 0, size: 0, deleted: true }
          try {
            // Whoever puts one at the same time finds out, and puts it again.
            const removed = await say(connected, name, none, revision)
            await purge(connected, said)
            const filter = { filter: aboutOf(name), seq: removed + 1 }
            await connected.manager.streams.purge(stream, filter)
            return
          } catch (error) {
            if (!isOutrun(error)) throw error
          }
          ;({ said, revision } = await look(connected, name)) // Another body stays.
        }
      }),
  }
}

const stream = `OBJ_${bodiesBucket}`

function aboutOf(name: string): string {
  const encoded = Buffer.from(name).toString('base64').replace(/\+/g, '-').replace(/\//g, '_')
  return `$O.${bodiesBucket}.M.${encoded}`
}

function chunksUnder(nuid: string): string {
  return `$O.${bodiesBucket}.C.${nuid}`
}

async function put(
  connected: Connected,
  name: string,
  body: AsyncIterable<Uint8Array>,
): Promise<{ readonly isNew: boolean }> {
  const { nats, client, clients, timeout } = connected
  const before = await look(connected, name)
  const coming = clients.transport.nuid.next()
  const there = before.said ?? { nuid: coming, chunks: 0, size: 0, deleted: true }
  const revision = await say(connected, name, { ...there, coming }, before.revision)
  await purge(connected, { coming: before.said?.coming })
  const most = Math.min(chunkSize, Math.floor((nats.info?.max_payload ?? chunkSize) / 2))
  const hash = createHash('sha256')
  let [size, chunks] = [0, 0]
  try {
    for await (const piece of inPieces(body, most)) {
      hash.update(piece)
      size += piece.length
      chunks++
      await client.publish(chunksUnder(coming), piece, { timeout })
    }
  } catch (error) {
    await purge(connected, { coming }).catch(() => undefined) // Else the next does.
    throw error
  }
  const now = {
    nuid: coming,
    size,
    chunks,
    digest: `SHA-256=${hash.digest('base64').replace(/\+/g, '-').replace(/\//g, '_')}`,
    deleted: false,
    mtime: new Date().toISOString(),
    options: { max_chunk_size: most },
  }
  try {
    await say(connected, name, now, revision)
  } catch (error) {
    // Without an answer it may be said all the same, and the chunks are the body.
    if (isOutrun(error)) await purge(connected, { coming }).catch(() => undefined)
    throw error
  }
  await purge(connected, { nuid: before.said?.nuid })
  return { isNew: before.said?.deleted !== false }
}

/** Replaces what is said of a body, if that is what was said last. */
async function say(
  { client, clients, timeout }: Connected,
  name: string,
  said: Said & Readonly<Record<string, unknown>>,
  revision: number,
): Promise<number> {
  const headers = clients.transport.headers()
  headers.set('Nats-Rollup', 'sub')
  const text = JSON.stringify({ name, bucket: bodiesBucket, ...said })
  const expect = { lastSubjectSequence: revision }
  const { seq } = await client.publish(aboutOf(name), text, { headers, expect, timeout })
  return seq
}

async function look({ manager }: Connected, name: string): Promise<Known> {
  const message = await manager.streams.getMessage(stream, { last_by_subj: aboutOf(name) })
  if (message === null) return { said: undefined, revision: 0 }
  return { said: readSaid(message.data), revision: message.seq }
}

/** Anybody may say anything; what is read of a name must lead to nothing else. */
function readSaid(data: Uint8Array): Said {
  const isNuid = (value: unknown): value is string =>
    typeof value === 'string' && /^[A-Za-z0-9]{1,64}$/.test(value)
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(data).toString())
  } catch {
    // It says nothing.
  }
  const { nuid, chunks, deleted, coming } = { ...(value as Partial<Record<keyof Said, unknown>>) }
  const isThere = isNuid(nuid) && Number.isSafeInteger(chunks) && deleted !== true
  return {
    nuid: isNuid(nuid) ? nuid : '',
    chunks: isThere ? Number(chunks) : 0,
    deleted: !isThere,
    ...(isNuid(coming) && { coming }),
  }
}

/** Removes the chunks that there are, and those that were about to come. */
async function purge(
  { manager }: Connected,
  { nuid = '', coming = '' }: { readonly nuid?: string | undefined; coming?: string | undefined },
): Promise<void> {
  for (const each of [nuid, coming])
    if (each !== '') await manager.streams.purge(stream, { filter: chunksUnder(each) })
}

/** A body in pieces of one size, of which the last may be smaller. */
async function* inPieces(
  body: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = Buffer.alloc(0)
  for await (const piece of body) {
    rest = Buffer.concat([rest, piece])
    for (; rest.length >= size; rest = rest.subarray(size)) yield rest.subarray(0, size)
  }
  if (rest.length > 0) yield rest
}

/** The chunks of an object; fewer where it is removed, or replaced, meanwhile. */
async function* chunksOf(
  { manager }: Connected,
  name: string,
  nuid: string,
  chunks: number,
): AsyncGenerator<Uint8Array> {
  const next_by_subj = chunksUnder(nuid)
  let seq = 0
  for (let read = 0; read < chunks; read++) {
    try {
      const next = { seq, next_by_subj } // The types do not know that of the servers.
      const message = await manager.streams.getMessage(stream, next)
      if (message === null) return
      seq = message.seq + 1
      yield message.data
    } catch (error) {
      throw natsError(`cannot read the body ${name}`, error)
    }
  }
}
