import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { Connected, JetStream } from './connection.js'
import type { Bodies } from './engine.js'
import { bodiesBucket } from './layout.js'
import { natsError } from './nats-error.js'

/*
 * Large bodies in an object store of JetStream. They are read by ourselves, a chunk at a time, since the
 * package reads them as fast as they come, whether or not the disk can follow.
 */

/** A chunk, in bytes: it has to fit into an answer of the server, in Base64. */
const chunkSize = 512 * 1024

/** The largest bodies are kept so. */
export function objectBodies(jetStream: JetStream): Bodies {
  return {
    put: async (name, body) =>
      jetStream.use(`keep the body ${name}`, async ({ nats, objects, timeout }) => {
        const store = await objects(bodiesBucket)
        const stream = Readable.toWeb(
          Readable.from(body, { objectMode: false }),
        ) as ReadableStream<Uint8Array>
        const most = Math.min(chunkSize, Math.floor((nats.info?.max_payload ?? chunkSize) / 2))
        const meta = { name, options: { max_chunk_size: most } }
        await store.put(meta, stream, { timeout })
      }),
    get: async (name) =>
      jetStream.use(`find the body ${name}`, async (connected) => {
        const store = await connected.objects(bodiesBucket)
        const info = await store.info(name)
        if (info === null || info.deleted) return undefined
        return chunksOf(connected, name, info.nuid, info.chunks)
      }),
    remove: async (name) =>
      jetStream.use(`remove the body ${name}`, async ({ manager, objects }) => {
        const store = await objects(bodiesBucket)
        if ((await store.info(name)) === null) return
        await store.delete(name)
        // What says that it was removed would stay for ever.
        const subject = `$O.${bodiesBucket}.M.${Buffer.from(name).toString('base64').replace(/\+/g, '-').replace(/\//g, '_')}`
        await manager.streams.purge(`OBJ_${bodiesBucket}`, { filter: subject })
      }),
  }
}

/** The chunks of an object; fewer where it is removed, or replaced, meanwhile. */
async function* chunksOf(
  { manager }: Connected,
  name: string,
  nuid: string,
  chunks: number,
): AsyncGenerator<Uint8Array> {
  const next_by_subj = `$O.${bodiesBucket}.C.${nuid}`
  let seq = 0
  for (let read = 0; read < chunks; read++) {
    try {
      const next = { seq, next_by_subj } // The types do not know that of the servers.
      const message = await manager.streams.getMessage(`OBJ_${bodiesBucket}`, next)
      if (message === null) return
      seq = message.seq + 1
      yield message.data
    } catch (error) {
      throw natsError(`cannot read the body ${name}`, error)
    }
  }
}
