import { createHash } from 'node:crypto'
import { FsqError } from '../../errors.js'
import { formatItemName } from '../../name/item-name.js'
import type { QueueContext } from '../../queue/context.js'
import type { Cluster } from './cluster.js'
import { bytesOf } from './escape.js'
import type { Job } from './job.js'
import { formatNode } from './node.js'

/*
 * A job as a work-item. Its body is the line with its end, byte for byte, and that is what counts; its
 * arguments are there to be seen and matched. Where the line came from makes the rest of the name, so that
 * the same line of the same file is the same item, however often it is put into the queue.
 */

/** The queue for each type of jobs; lines that are no job that we know have one, too. */
export const queueNames: Readonly<Record<Job['type'], string>> = {
  upload: 'ftpc-upload',
  store: 'ftpc-store',
  replicate: 'ftpc-replicate',
  remove: 'ftpc-remove',
  opaque: 'ftpc-opaque',
}

/** Where a job comes from. */
export interface Origin {
  /** When it was made: its age counts from there. */
  readonly date: Date
  /** The number of its line, or another that tells it from the other jobs of that source. */
  readonly number: number
  /** A number for the source: the crc32 of a file's name, or the id of a process. */
  readonly source: number
}

/** The body of a job's item. */
export function bodyOf({ line }: Job): Buffer {
  return Buffer.concat([line, Buffer.from('\n')])
}

/** The name of a job's item. */
export function itemNameFor(
  { reading, writing }: QueueContext,
  { name: hostname }: Cluster,
  job: Job,
  { date, number, source }: Origin,
): string {
  const fields = {
    timestamp: reading.timestamps.format(date),
    entropy: String(number),
    pid: String(source),
    hostname,
    tries: 0,
  }
  for (const args of argumentsFor(job)) {
    try {
      return formatItemName({ ...fields, arguments: args }, writing)
    } catch (error) {
      if (!(error instanceof FsqError)) throw error
      // The path or the nodes are too much for a name, or the path is no text in its charset.
      if (!['FSQ_NAME_TOO_LONG', 'FSQ_COERCE'].includes(error.code)) throw error
    }
  }
  return formatItemName({ ...fields, arguments: [job.type] }, writing)
}

/** The arguments of a job: all; with a hash for the path; and without the nodes. */
function argumentsFor(job: Job): string[][] {
  switch (job.type) {
    case 'upload':
    case 'store': {
      const { type, filename, uid, size, mtime } = job
      const nodes = job.nodes.map(formatNode)
      const rest = [uid, String(size), String(mtime)]
      const hash = hashOf(filename)
      return [
        [type, filename, ...rest, ...nodes],
        [type, hash, ...rest, ...nodes],
        [type, hash, ...rest],
      ]
    }
    case 'replicate': {
      const { type, linkfile, size, mtime } = job
      const nodes = job.nodes.map(formatNode)
      const rest = [String(size), String(mtime)]
      const hash = hashOf(linkfile)
      return [
        [type, linkfile, ...rest, ...nodes],
        [type, hash, ...rest, ...nodes],
        [type, hash, ...rest],
      ]
    }
    case 'remove': {
      const { type, nodepath, linkfile, version } = job
      const node = formatNode(job.node)
      const numbers = version === undefined ? [] : [String(version.size), String(version.mtime)]
      const link = linkfile === undefined ? [] : [linkfile]
      return [
        [type, node, nodepath, ...link, ...numbers],
        [type, node, hashOf(nodepath), ...link.map(hashOf), ...numbers],
      ]
    }
    case 'opaque':
      return []
  }
}

function hashOf(path: string): string {
  return `sha256-${createHash('sha256').update(bytesOf(path)).digest('hex').slice(0, 16)}`
}
