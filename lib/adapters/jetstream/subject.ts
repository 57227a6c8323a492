import { createHash } from 'node:crypto'
import { FsqError } from '../../errors.js'
import { checkName } from '../../queue/context.js'

/*
 * Subjects are `fsq.work.QUEUE.TARGET`, where the target is a host, or `any` for the pool of receivers. The
 * bytes that a part of a subject cannot hold, and `=`, are written as =XX.
 */

/** The target of items that any receiver of the pool may take; no host can have that name. */
export const pool = 'any'

/** What is sent in place of what: work, and what could not be delivered. */
export type SubjectKind = 'work' | 'dead'

/** The subject of the items of a queue that are for a target; undefined is the pool. */
export function subjectOf(kind: SubjectKind, queue: string, host: string | undefined): string {
  return `fsq.${kind}.${tokenOf(queue)}.${tokenOf(host ?? pool)}`
}

/** The subjects of all the items of a queue. */
export function subjectsOf(kind: SubjectKind, queue: string): string {
  return `fsq.${kind}.${tokenOf(queue)}.*`
}

/**
 * Looks whether a host can be addressed.
 *
 * @throws `FsqError` `FSQ_PATH`
 */
export function checkHost(host: string): void {
  checkName('host', host)
  if (host !== pool) return
  throw new FsqError('FSQ_PATH', `no host can be addressed as ${pool}: that means all of the pool`)
}

/** What a subject says; undefined for one that is none of ours. */
export function readSubject(
  subject: string,
):
  | { readonly kind: SubjectKind; readonly queue: string; readonly host: string | undefined }
  | undefined {
  const [root, kind, queue, target, ...rest] = subject.split('.')
  if (root !== 'fsq' || (kind !== 'work' && kind !== 'dead') || rest.length > 0) return undefined
  const queueName = readToken(queue)
  const host = readToken(target)
  if (queueName === undefined || host === undefined) return undefined
  return { kind, queue: queueName, host: host === pool ? undefined : host }
}

/** The name of the consumer of a queue for a target. */
export function consumerOf(queue: string, host: string | undefined): string {
  const name = `${escaped(queue, /[^A-Za-z0-9-]/)}_${escaped(host ?? pool, /[^A-Za-z0-9-]/)}`
  if (name.length <= longestName) return name
  throw new FsqError(
    'FSQ_PATH',
    `the names of queue ${queue} and host ${host ?? pool} are too long together for a consumer of NATS`,
    { queue },
  )
}

/** Whose consumer it is by its name; undefined for one that is none of ours. */
export function readConsumer(
  name: string | undefined,
): { readonly queue: string; readonly host: string | undefined } | undefined {
  const [queue, target, ...rest] = name?.split('_') ?? []
  const queueName = readToken(queue)
  const host = readToken(target)
  if (queueName === undefined || host === undefined || rest.length > 0) return undefined
  return { queue: queueName, host: host === pool ? undefined : host }
}

/** The key under which an item of a queue is claimed. */
export function claimKey(queue: string, id: string): string {
  return createHash('sha256').update(`${queue}\0${id}`).digest('hex').slice(0, 40)
}

/** The name under which the body of an item is kept apart from its message. */
export function bodyName(subject: string, id: string): string {
  return createHash('sha256').update(`${subject}\0${id}`).digest('hex').slice(0, 40)
}

/** Names of consumers become names of files on the servers. */
const longestName = 200

function tokenOf(name: string): string {
  return escaped(name, unsafe)
}

/** What cannot stand in a part of a subject, or would not be safe in the name of a file. */
const unsafe = /[^\x21-\x7e]|[.*>=/\\]/

/** Writes the bytes of a name that may not stand as they are. */
function escaped(name: string, which: RegExp): string {
  return [...Buffer.from(name)]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      if (!which.test(character)) return character
      return `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}

function readToken(token: string | undefined): string | undefined {
  if (token === undefined || !/^(?:[!-<?-~]|=[0-9A-F]{2})+$/.test(token)) return undefined
  const bytes = token.replace(/=([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1').toString()
}
