import { FsqError } from '../../errors.js'
import type { QueueContext } from '../../queue/context.js'
import { checkItemName } from '../../queue/reenqueue.js'

/*
 * What a message says of its item, in headers:
 *
 *   Fsq-Id           the name of the item, percent-encoded
 *   Fsq-Not-Before   where it waits for a time: that, in milliseconds of the epoch
 *   Fsq-Size         how long the body is, in bytes
 *   Fsq-Digest       sha-256=HEX of the body
 *   Fsq-Body         where the body is not in the message: its name in the bucket fsq_bodies
 *   Fsq-Replaces     of a dead letter that was sent again: the message that it was, which is about to be removed
 *
 * Size, digest and body are there together, or only the first of them is not: a body in the message needs none.
 */

/** What travels of an item beside its body. */
export interface Envelope {
  readonly id: string
  readonly notBefore?: Date
  /** Where the body is, if it is not in the message. */
  readonly stored?: { readonly name: string; readonly size: number; readonly digest: string }
  /** The message in whose place this one is sent, and which may be there for a moment still. */
  readonly replaces?: string
}

/** The headers of a message. */
export function writeEnvelope({
  id,
  notBefore,
  stored,
  replaces,
}: Envelope): Record<string, string> {
  return {
    'Fsq-Id': encodeURIComponent(id),
    ...(notBefore !== undefined && { 'Fsq-Not-Before': String(notBefore.getTime()) }),
    ...(stored !== undefined && {
      'Fsq-Body': stored.name,
      'Fsq-Size': String(stored.size),
      'Fsq-Digest': `sha-256=${stored.digest}`,
    }),
    ...(replaces !== undefined && { 'Fsq-Replaces': replaces }),
  }
}

/** No name of an item is longer, percent-encoded in whichever charset; an error does not repeat one that is. */
const longestId = 2048

/** A date further off is none that a file can have, in milliseconds of the epoch. */
const latest = 253_402_300_799_000

/**
 * What the headers of a message say, which may come from anybody.
 *
 * @param headers - by their names in lower case
 * @throws `FsqError` `FSQ_NATS_MESSAGE`, and the codes of names for one that is no work-item's
 */
export function readEnvelope(headers: ReadonlyMap<string, string>, queue: QueueContext): Envelope {
  const id = decoded(headers.get('fsq-id'))
  checkItemName(queue, id)
  const time = headers.get('fsq-not-before')
  const name = headers.get('fsq-body')
  const replaces = headers.get('fsq-replaces')
  return {
    id,
    ...(time !== undefined && { notBefore: new Date(wholeNumber('Fsq-Not-Before', time, latest)) }),
    ...(name !== undefined && { stored: storedIn(name, headers) }),
    ...(replaces !== undefined && { replaces }),
  }
}

/** Whether that can be the name of a body in its bucket. */
export function isBodyName(name: string): boolean {
  return /^[0-9a-f]{1,64}$/.test(name)
}

function storedIn(
  name: string,
  headers: ReadonlyMap<string, string>,
): NonNullable<Envelope['stored']> {
  if (!isBodyName(name)) throw wrong(`Fsq-Body is no name of a body: ${shown(name)}`)
  const size = wholeNumber('Fsq-Size', headers.get('fsq-size') ?? '', Number.MAX_SAFE_INTEGER)
  const digest = headers.get('fsq-digest') ?? ''
  const [, hex] = /^sha-256=([0-9a-f]{64})$/.exec(digest) ?? []
  if (hex === undefined) throw wrong(`Fsq-Digest is no sha-256=HEX: ${shown(digest)}`)
  return { name, size, digest: hex }
}

function decoded(header: string | undefined): string {
  if (header === undefined || header === '') throw wrong('it has no Fsq-Id')
  if (header.length > longestId) throw wrong(`Fsq-Id is too long: ${shown(header)}`)
  try {
    return decodeURIComponent(header)
  } catch {
    throw wrong(`Fsq-Id is not percent-encoded: ${shown(header)}`)
  }
}

function wholeNumber(header: string, text: string, most: number): number {
  const number = /^[0-9]{1,16}$/.test(text) ? Number(text) : NaN
  if (number <= most) return number
  throw wrong(`${header} is no whole number that can be: ${shown(text)}`)
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}

function wrong(why: string): FsqError {
  return new FsqError('FSQ_NATS_MESSAGE', `not the message of an item: ${why}`)
}
