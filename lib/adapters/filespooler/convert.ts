import { createHash } from 'node:crypto'
import { FsqError } from '../../errors.js'
import { type Charset } from '../../name/charset.js'
import { formatItemName, parseItemName } from '../../name/item-name.js'
import type { QueueContext } from '../../queue/context.js'
import { checkItemName } from '../../queue/reenqueue.js'
import { encodeHeader } from './header.js'
import type { CommandJob, Job, JobTime } from './job.js'

/*
 * Items as jobs, and jobs as items, so that each can be had back:
 *
 *   an item        a job with the arguments for parameters, the body for its payload, and the name of the item
 *                  as FSQ_ITEM in its environment, where commands see it as FSPL_SET_FSQ_ITEM
 *   that job       the item, as it was
 *   another job    an item whose body is the whole file of the job, named
 *                  _TIME_SEQUENCE_NANOSECONDS+FILE_filespooler_0_fspl_TYPE; the sequence has 20 digits, so that
 *                  the names of a second are in its order
 *   the same,      an item with the parameters for arguments and the payload for its body, where that says all
 *   unpacked       that the job says: _TIME_SEQUENCE_NANOSECONDS+FILE_filespooler_0_PARAMETERS...
 *   these items    the job, as it was, also its number
 *
 * FILE is a checksum of the name of the job's file: two files are two items, and a file is one, however often
 * it is imported.
 */

/** The host in the names of items that are jobs of others. */
const hostname = 'filespooler'

/** The first argument of an item whose body is the file of a job. */
const packed = 'fspl'

/** What is looked at of an item. */
export interface ItemName {
  readonly id: string
  readonly enqueuedAt: Date
  readonly entropy: string
  readonly pid: string
  readonly hostname: string
  readonly arguments: readonly string[]
}

/** The job that an item becomes. */
export function jobFor(item: ItemName, charset: Charset, sequence: bigint): CommandJob {
  return {
    type: 'command',
    sequence,
    created: timeOf(item.enqueuedAt, 0),
    parameters: item.arguments.map((text) => charset.encode(text)),
    environment: [[Buffer.from('FSQ_ITEM'), charset.encode(item.id)]],
  }
}

/** The job that an item was, where its payload is the body. */
export function unpackedJob(item: ItemName, charset: Charset): CommandJob | undefined {
  const [first] = item.arguments
  if (!isOfJob(item) || first === packed) return undefined
  return {
    type: 'command',
    sequence: BigInt(item.entropy),
    created: timeOf(item.enqueuedAt, Number(item.pid.slice(0, 10))),
    parameters: item.arguments.map((text) => charset.encode(text)),
    environment: [],
  }
}

/** Whether the body of an item is the file of a job. */
export function isPacked(item: ItemName): boolean {
  return isOfJob(item) && item.arguments[0] === packed
}

function isOfJob({ entropy, pid, hostname: host }: ItemName): boolean {
  if (host !== hostname || !/^\d{20}$/.test(entropy) || !/^\d{20}$/.test(pid)) return false
  return BigInt(entropy) < 2n ** 64n
}

function timeOf(date: Date, nanoseconds: number): JobTime {
  return { seconds: BigInt(Math.floor(date.getTime() / 1000)), nanoseconds }
}

/** The name of the file of an item's job: always the same, so that an item is never there as two jobs. */
export function jobNameFor(queue: string, id: string): string {
  const hash = createHash('sha256').update(`${queue}\0${id}`).digest('hex')
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`]
  return `fspl-${[...parts, `a${hash.slice(17, 20)}`, hash.slice(20, 32)].join('-')}.fspl`
}

/** The name of the item that a job was. */
export function formerItem(job: Job, queue: QueueContext): string | undefined {
  const { reading } = queue
  if (job.type !== 'command' || job.environment.length !== 1) return undefined
  const [[name, value] = [new Uint8Array(), new Uint8Array()]] = job.environment
  if (Buffer.from(name).toString() !== 'FSQ_ITEM') return undefined
  return unlessFsqError(() => {
    const id = reading.charset.decode(value)
    checkItemName(queue, id)
    const args = parseItemName(id, reading).arguments.map((text) => reading.charset.encode(text))
    return isSameList(args, job.parameters) ? id : undefined
  })
}

/**
 * The name of the item that says all of a job, if there is one.
 *
 * @param header - as it stands in the file
 * @param file - the checksum of the name of its file
 */
export function unpackedItem(
  job: Job,
  header: Uint8Array,
  file: number,
  queue: QueueContext,
): string | undefined {
  if (job.type !== 'command') return undefined
  const { charset } = queue.reading
  return unlessFsqError(() => {
    const args = job.parameters.map((bytes) => charset.decode(bytes))
    const id = itemNameOf(job, args, file, queue)
    const name = { id, ...parseItemName(id, queue.reading) }
    const back = unpackedJob(name, charset)
    return back && encodeHeader(back).equals(header) ? id : undefined
  })
}

/** The name of the item whose body is the file of a job. */
export function packedItem(job: Job, file: number, queue: QueueContext): string {
  return itemNameOf(job, [packed, job.type], file, queue)
}

function itemNameOf(
  { sequence, created }: Job,
  args: readonly string[],
  file: number,
  { reading, writing }: QueueContext,
): string {
  const digits = (value: bigint | number, length: number): string =>
    String(value).padStart(length, '0')
  const fields = {
    timestamp: reading.timestamps.format(dateIn(created)),
    entropy: digits(sequence, 20),
    pid: digits(created.nanoseconds, 10) + digits(file, 10),
    hostname,
    tries: 0,
    arguments: args,
  }
  return formatItemName(fields, writing)
}

/** The time of a job, for a name: years of four digits, and what is beyond them as the first of these. */
function dateIn({ seconds }: JobTime): Date {
  const date = new Date(Number(seconds) * 1000)
  const year = date.getFullYear()
  return year >= 1000 && year <= 9999 ? date : new Date(0)
}

function isSameList(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  return (
    one.length === other.length &&
    one.every((bytes, at) => Buffer.compare(bytes, other[at] ?? new Uint8Array()) === 0)
  )
}

/** What is said of names and jobs that cannot be: that there is none. */
function unlessFsqError<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch (error) {
    if (error instanceof FsqError) return undefined
    throw error
  }
}
