import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Job } from '../../lib/adapters/filespooler/job.js'

/** Bytes that are too many to be written down. */
interface LongBytes {
  readonly len: number
  readonly sha256: string
}

/** The file of a job, and what is known of it. */
export interface Vector {
  readonly name: string
  readonly file: string
  readonly sha256: string
  /** Whether fspl 1.2.2 reads it. */
  readonly accepted: boolean
  /** Whether fspl would write it so. */
  readonly canonical?: boolean
  /** What has to decode the file first. */
  readonly decoder?: 'zcat'
  readonly fsplError?: string
  readonly prefix?: { readonly metaLen: number; readonly headerLen: number }
  readonly seq?: string
  readonly ctime?: readonly [seconds: string, nanoseconds: number]
  readonly type?: 'Command' | 'NOP' | 'Fail'
  readonly paramsHex?: readonly (string | LongBytes)[]
  readonly envHex?: readonly (readonly [string, string])[]
  readonly payloadLen?: number
  readonly payloadSha256?: string
}

const directory = new URL('../vectors/filespooler/', import.meta.url)
const file = new URL('vectors.json', directory)

/** The files of jobs in test/vectors/filespooler. */
export const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly vectors: readonly Vector[]
}

/** The bytes of a vector's file. */
export function bytesOf(vector: Vector): Buffer {
  return readFileSync(pathOf(vector))
}

/** The path of a vector's file. */
export function pathOf({ file }: Vector): URL {
  return new URL(file, directory)
}

/** What a vector says of a job. */
export function saidOf({ seq, ctime, type, paramsHex, envHex }: Vector): unknown {
  return { seq, ctime, type, ...(type === 'Command' && { paramsHex, envHex }) }
}

/** The same of a job that was read. */
export function said(job: Job): unknown {
  const { seconds, nanoseconds } = job.created
  const common = { seq: String(job.sequence), ctime: [String(seconds), nanoseconds] }
  if (job.type !== 'command') return { ...common, type: job.type === 'nop' ? 'NOP' : 'Fail' }
  const paramsHex = job.parameters.map(hex)
  const envHex = job.environment.map((pair) => pair.map(hex))
  return { ...common, type: 'Command', paramsHex, envHex }
}

function hex(bytes: Uint8Array): string | LongBytes {
  if (bytes.length < 1000) return Buffer.from(bytes).toString('hex')
  return { len: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}
