import { encode } from '@msgpack/msgpack'
import type { CommandJob, Job, JobTime } from './job.js'
import { MessagePackReader, notMetadata } from './messagepack.js'
import { Given } from './screen.js'

/*
 * The metadata of a job, as fspl writes them:
 *
 *   { seq, ctime: [seconds, nanoseconds], cmd_type: { Command: { params, env } } | "NOP" | "Fail" }
 *
 * where text is an array of its bytes. fspl reads more than it writes; so do we.
 */

/** The largest sequence number. */
export const lastSequence = 2n ** 64n - 1n

const fields = ['seq', 'ctime', 'cmd_type']
const variants = ['Command', 'NOP', 'Fail']
const commandFields = ['params', 'env']

/** The metadata of a job, in the one form in which fspl writes them. */
export function encodeMetadata(job: Job): Uint8Array {
  const { seconds, nanoseconds } = job.created
  const metadata = {
    seq: shortest(job.sequence),
    ctime: [shortest(seconds), nanoseconds],
    cmd_type: commandTypeOf(job),
  }
  return encode(metadata, { useBigInt64: true })
}

/** The library writes 8 bytes for a bigint, and a float for a number that needs them. */
function shortest(value: bigint): bigint | number {
  return value >= -(2n ** 31n) && value < 2n ** 32n ? Number(value) : value
}

function commandTypeOf(job: Job): unknown {
  if (job.type !== 'command') return job.type === 'nop' ? 'NOP' : 'Fail'
  const params = job.parameters.map((bytes) => [...bytes])
  const env = job.environment.map(([name, value]) => [[...name], [...value]])
  return { Command: { params, env } }
}

/**
 * The job that metadata describe. Of one that has more than any program can be given, only so much is kept as
 * shows that: a file of a few megabytes may have so many values that they would take gigabytes.
 *
 * @throws `FsqError` `FSQ_JOB` where fspl refuses them, too.
 */
export function decodeMetadata(bytes: Uint8Array): Job {
  const reader = new MessagePackReader(bytes)
  let sequence = 0n
  let created: JobTime = { seconds: 0n, nanoseconds: 0 }
  let command: Command = { type: 'nop' }
  const readers = [
    () => (sequence = reader.integer('seq', 0n, lastSequence)),
    () => (created = readTime(reader)),
    () => (command = readCommand(reader)),
  ]
  reader.structure('it', fields, (field) => readers[field]?.())
  return { sequence, created, ...(command as Command) }
}

function readTime(reader: MessagePackReader): JobTime {
  return reader.array('ctime', (size) => {
    if (size !== 2) throw notMetadata('ctime is not a pair')
    return {
      seconds: reader.integer('ctime', -(2n ** 63n), 2n ** 63n - 1n),
      nanoseconds: Number(reader.integer('ctime', 0n, 2n ** 32n - 1n)),
    }
  })
}

type Command = Pick<CommandJob, 'type' | 'parameters' | 'environment'> | { type: 'nop' | 'fail' }

function readCommand(reader: MessagePackReader): Command {
  const { variant, hasContent } = reader.variant('cmd_type', variants)
  if (variant === 0) {
    if (!hasContent) throw notMetadata('Command has no content')
    return { type: 'command', ...readCommandData(reader) }
  }
  if (hasContent) reader.nil(String(variants[variant]))
  return { type: variant === 1 ? 'nop' : 'fail' }
}

function readCommandData(
  reader: MessagePackReader,
): Pick<CommandJob, 'parameters' | 'environment'> {
  const parameters: Uint8Array[] = []
  const environment: [Uint8Array, Uint8Array][] = []
  const given = new Given()
  const readParameter = (): void => {
    if (given.isTooMuch) {
      reader.skipBytes('a parameter')
      return
    }
    const value = reader.bytes('a parameter')
    parameters.push(value)
    given.addParameter(value)
  }
  const readVariable = (): void => {
    if (given.isTooMuch) {
      readPair(reader, (what) => {
        reader.skipBytes(what)
      })
      return
    }
    const pair = readPair(reader, (what) => reader.bytes(what))
    environment.push(pair)
    given.addVariable(pair)
  }
  const readers = [
    () => {
      each(reader, 'params', readParameter)
    },
    () => {
      each(reader, 'env', readVariable)
    },
  ]
  reader.structure('Command', commandFields, (field) => readers[field]?.())
  return { parameters, environment }
}

function each(reader: MessagePackReader, what: string, read: () => void): void {
  reader.array(what, (size) => {
    for (let count = 0; count < size; count++) read()
  })
}

function readPair<T>(reader: MessagePackReader, read: (what: string) => T): [name: T, value: T] {
  return reader.array('an entry of env', (size) => {
    if (size !== 2) throw notMetadata('an entry of env is not a pair')
    return [read('a name of env'), read('a value of env')]
  })
}
