import { crc32 } from '../../crc32.js'
import { FsqError } from '../../errors.js'
import type { Job } from './job.js'
import { decodeMetadata, encodeMetadata, lastSequence } from './metadata.js'
import { whyUnsafe } from './screen.js'

/*
 * What a job's file begins with; all that follows is the payload:
 *
 *    0  "*FILESPOOLER"
 *   12  the version of the format, 1           2 bytes, the highest first, as all numbers
 *   14  the length of the metadata             8
 *   22  the CRC-32 of the metadata             4
 *   26  the CRC-32 of the 26 bytes before      4
 *   30  the metadata
 */

const magic = Buffer.from('*FILESPOOLER')

/** The bytes of a header before its metadata. */
export const prefixLength = 30

/** Metadata are not longer than that, in bytes: fspl, which has no bound, would die for lack of memory. */
export const longestMetadata = 16 * 1024 * 1024

/** A job, and where its payload begins. */
export interface Header {
  /** The job. */
  readonly job: Job
  /** The length of the header in bytes: the offset of the payload. */
  readonly length: number
}

/**
 * The bytes that the file of a job begins with, the same that fspl would write.
 *
 * @throws `FsqError` `FSQ_JOB` for a job that fspl could not read, or could not run.
 */
export function encodeHeader(job: Job): Buffer {
  if (job.sequence < 0n || job.sequence > lastSequence)
    throw new FsqError('FSQ_JOB', `there is no sequence number ${String(job.sequence)}`)
  const { nanoseconds } = job.created
  if (!Number.isInteger(nanoseconds) || nanoseconds < 0)
    throw new FsqError('FSQ_JOB', `there is no time of ${nanoseconds} nanoseconds`)
  const reason = whyUnsafe(job)
  if (reason !== undefined) throw new FsqError('FSQ_JOB', `no such job may be made: ${reason}`)
  return encodeReadHeader(job)
}

/** The same of a job that was read, and so is there already, to whatever it may lead: see {@link whyUnsafe}. */
export function encodeReadHeader(job: Job): Buffer {
  const metadata = encodeMetadata(job)
  if (metadata.length > longestMetadata) throw tooLong(metadata.length)
  return frame(metadata)
}

/** A header with any bytes for metadata. */
export function frame(metadata: Uint8Array): Buffer {
  const prefix = Buffer.alloc(prefixLength)
  magic.copy(prefix)
  prefix.writeUInt16BE(1, 12)
  prefix.writeBigUInt64BE(BigInt(metadata.length), 14)
  prefix.writeUInt32BE(crc32(metadata), 22)
  prefix.writeUInt32BE(crc32(prefix.subarray(0, 26)), 26)
  return Buffer.concat([prefix, metadata])
}

/**
 * The header that bytes begin with, to whatever the job may lead: see {@link whyUnsafe}.
 *
 * @throws `FsqError` `FSQ_JOB`, with the reason, for what is not the file of a job.
 */
export function decodeHeader(bytes: Uint8Array): Header {
  const length = prefixLength + metadataLength(bytes)
  checkMetadata(bytes, bytes.subarray(prefixLength, length))
  return { job: decodeMetadata(bytes.subarray(prefixLength, length)), length }
}

/**
 * How many bytes follow the prefix of a header.
 *
 * @throws `FsqError` `FSQ_JOB` where it is not one.
 */
export function metadataLength(bytes: Uint8Array): number {
  const prefix = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (prefix.length < prefixLength) throw notAJob('it is too short')
  if (!prefix.subarray(0, magic.length).equals(magic)) throw notAJob('it begins otherwise')
  const version = prefix.readUInt16BE(12)
  if (version !== 1) throw notAJob(`its format is version ${version}, not 1`)
  if (crc32(prefix.subarray(0, 26)) !== prefix.readUInt32BE(26))
    throw notAJob('its first bytes do not match their checksum')
  const length = prefix.readBigUInt64BE(14)
  if (length > longestMetadata) throw tooLong(length)
  return Number(length)
}

/**
 * Checks that metadata are those which the prefix announces.
 *
 * @throws `FsqError` `FSQ_JOB`
 */
export function checkMetadata(prefix: Uint8Array, metadata: Uint8Array): void {
  const { buffer, byteOffset } = prefix
  const view = new DataView(buffer, byteOffset, prefixLength)
  if (BigInt(metadata.length) !== view.getBigUint64(14)) throw notAJob('it ends within its header')
  if (crc32(metadata) !== view.getUint32(22))
    throw notAJob('its metadata do not match their checksum')
}

function notAJob(reason: string): FsqError {
  return new FsqError('FSQ_JOB', `not the file of a job: ${reason}`)
}

function tooLong(length: number | bigint): FsqError {
  return notAJob(`its metadata have ${String(length)} bytes, and fspl takes memory for all`)
}
