import { encode } from '@msgpack/msgpack'
import type { Test } from 'tap'
import { encodeHeader } from '../../lib/adapters/filespooler/header.js'
import type { CommandJob, Job } from '../../lib/adapters/filespooler/job.js'
import { type FilespoolerQueue, initFilespooler } from '../../lib/adapters/filespooler/queue.js'
import { crc32 } from '../../lib/crc32.js'
import { temporaryDirectory } from './temporary.js'

/** A new Filespooler queue that goes when the test ends. */
export async function temporarySpool(t: Test): Promise<FilespoolerQueue> {
  return initFilespooler(`${temporaryDirectory(t)}/spool`)
}

/** A job with that number, made so many seconds after some moment; a command unless it is said to be other. */
export function jobOf(
  sequence: number,
  {
    seconds = sequence,
    type = 'command',
    parameters = [],
    environment = [],
  }: {
    readonly seconds?: number
    readonly type?: Job['type']
    readonly parameters?: readonly (string | Uint8Array)[]
    readonly environment?: readonly (readonly [string, string])[]
  } = {},
): Job {
  const created = { seconds: 1_700_000_000n + BigInt(seconds), nanoseconds: 0 }
  if (type !== 'command') return { type, sequence: BigInt(sequence), created }
  return {
    type,
    sequence: BigInt(sequence),
    created,
    parameters: parameters.map((each) => Buffer.from(each)),
    environment: environment.map(
      ([name, value]) => [Buffer.from(name), Buffer.from(value)] as const,
    ),
  } satisfies CommandJob
}

/** Puts jobs with these numbers into a queue, named after them, each with its number as its payload. */
export async function fill(queue: FilespoolerQueue, ...sequences: number[]): Promise<void> {
  for (const sequence of sequences)
    await queue.write(contentOf(jobOf(sequence), String(sequence)), nameOf(sequence))
}

/** What is in the file of a job. */
export function contentOf(job: Job, payload = ''): Buffer[] {
  return [encodeHeader(job), Buffer.from(payload)]
}

/** The name under which {@link fill} puts a job. */
export function nameOf(sequence: number): string {
  return `fspl-${sequence}.fspl`
}

/** What is in the file of a job that has no header which we would write. */
export function rawHeader({
  parameters = [],
  metadataLength,
}: {
  readonly parameters?: readonly Uint8Array[]
  /** What the header says of its own length. */
  readonly metadataLength?: bigint
}): Buffer {
  const metadata = encode({
    seq: 1,
    ctime: [1_700_000_000, 0],
    cmd_type: { Command: { params: parameters.map((each) => Array.from(each)), env: [] } },
  })
  const prefix = Buffer.alloc(30)
  prefix.write('*FILESPOOLER')
  prefix.writeUInt16BE(1, 12)
  prefix.writeBigUInt64BE(metadataLength ?? BigInt(metadata.length), 14)
  prefix.writeUInt32BE(crc32(metadata), 22)
  prefix.writeUInt32BE(crc32(prefix.subarray(0, 26)), 26)
  return Buffer.concat([prefix, metadata])
}

/** All bytes of a stream. */
export async function allOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const piece of pieces) all.push(Buffer.from(piece)) // A piece holds until the next comes.
  return Buffer.concat(all)
}
