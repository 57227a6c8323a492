import type { StoredMsg } from '@nats-io/jetstream'
import type { JetStream } from './connection.js'
import { deadStream, exhaustedAdvisory } from './layout.js'
import { NatsError } from './nats-error.js'
import { pool, readConsumer, readSubject, subjectOf } from './subject.js'

/*
 * Dead letters come about in two ways. What a receiver cannot use it copies to the stream FSQ_DEAD
 * (dead-letter.ts), and confirms. What was delivered as often as it may be, since whoever got it died of it,
 * stays where it was and is not delivered any more; the advisory by which the server tells so is kept in
 * FSQ_DEAD.
 */

/** Something that could not be delivered. */
export interface DeadLetter {
  /** Its number, by which it is requeued. */
  readonly seq: number
  /** The queue; undefined for a message that was for none. */
  readonly queue?: string
  /** The host that it was for, or `any`. */
  readonly target?: string
  /** The name of the item, where the message has one. */
  readonly id?: string
  /** The code of the error. */
  readonly code?: string
  /** Why. */
  readonly reason: string
  /** Since when. */
  readonly at: Date
  /** How long the message is, in bytes, without a body that is kept apart. */
  readonly size: number
  /** How often it was delivered. */
  readonly deliveries?: number
}

/** A dead letter with what is needed to send it again, or to remove it. */
export interface Dead {
  readonly letter: DeadLetter
  /** Only an advisory is left of it: its message was confirmed late, or removed. */
  readonly isGone?: true
  readonly subject: string | undefined
  /** The message: the letter itself, or what still is where it could not be delivered from. */
  readonly message: StoredMsg | undefined
  /** Where it still is. */
  readonly original?: { readonly stream: string; readonly seq: number }
}

/** All that there are by now, the oldest first. Those that come meanwhile may be the same once more. */
export async function* allDead(jetStream: JetStream): AsyncGenerator<Dead> {
  const last = await lastOf(jetStream)
  for (let seq = 1; seq <= last;) {
    const message = await nextOf(jetStream, seq)
    if (message === undefined || message.seq > last) return
    seq = message.seq + 1
    const dead = await readDead(jetStream, message).catch(unlessDenied)
    if (dead !== undefined) yield dead
  }
}

/** The one of a number. */
export async function deadAt(jetStream: JetStream, seq: number): Promise<Dead | undefined> {
  const message = await messageAt(jetStream, deadStream, seq)
  return message === undefined ? undefined : readDead(jetStream, message)
}

async function readDead(jetStream: JetStream, message: StoredMsg): Promise<Dead> {
  const { subject, seq, time } = message
  if (!subject.startsWith(`${exhaustedAdvisory}.`))
    return hasHeader(message) ? readLetter(message) : unreadable(message)
  const { stream, stream_seq, deliveries } = jsonOf(message)
  if (typeof stream !== 'string' || !isNumber(stream_seq)) return gone(message)
  const found = await messageAt(jetStream, stream, stream_seq).catch(unlessGone)
  if (found === undefined || readSubject(found.subject)?.kind !== 'work') return gone(message)
  const original = { stream, seq: stream_seq }
  if (!hasHeader(found)) return { ...unreadable(message), original }
  const count = typeof deliveries === 'number' ? deliveries : undefined
  return {
    letter: {
      ...aboutOf(found, found.subject),
      seq,
      reason: `delivered ${count ?? 'too many'} times, and never confirmed`,
      at: time,
      ...(count !== undefined && { deliveries: count }),
    },
    subject: found.subject,
    message: found,
    original,
  }
}

/** Whoever may publish may publish advisories that no server wrote. */
function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0
}

/** The stream may have been removed since then, or never have been there. */
function unlessGone(error: unknown): undefined {
  if (error instanceof NatsError && (error.trouble === 'setup' || error.trouble === 'refused'))
    return
  throw error
}

/** What we may not look at keeps nobody from the others. */
function unlessDenied(error: unknown): undefined {
  if (error instanceof NatsError && error.trouble === 'denied') return
  throw error
}

function readLetter(message: StoredMsg): Dead {
  const { subject, seq, time, header } = message
  const code = header.get('Fsq-Dead-Code')
  const deliveries = Number(header.get('Fsq-Deliveries'))
  const where = decoded(header.get('Fsq-Dead-Subject'))
  const about = readSubject(subject)
  const work = readSubject(where)?.kind === 'work' ? where : undefined
  return {
    letter: {
      ...aboutOf(message, subject),
      seq,
      ...(code !== '' && { code }),
      reason: decoded(header.get('Fsq-Dead-Reason')),
      at: time,
      ...(deliveries > 0 && { deliveries }),
    },
    subject: work ?? (about && subjectOf('work', about.queue, about.host)),
    message,
  }
}

function aboutOf(
  { header, data }: StoredMsg,
  subject: string,
): Pick<DeadLetter, 'queue' | 'target' | 'id' | 'size'> {
  const about = readSubject(subject)
  const id = decoded(header.get('Fsq-Id'))
  return {
    ...(about !== undefined && { queue: about.queue, target: about.host ?? pool }),
    ...(id !== '' && { id }),
    size: data.length,
  }
}

/** Whether it has headers such as a client would write; others make them throw. */
function hasHeader(message: StoredMsg): boolean {
  try {
    return typeof message.header === 'object' // Which is read by this.
  } catch {
    return false
  }
}

function unreadable({ seq, time, data }: StoredMsg): Dead {
  const reason = 'it cannot be read'
  return {
    letter: { seq, reason, at: time, size: data.length },
    subject: undefined,
    message: undefined,
  }
}

function gone({ seq, time, subject }: StoredMsg): Dead {
  const about = readConsumer(subject.split('.').at(-1))
  return {
    letter: {
      seq,
      ...(about !== undefined && { queue: about.queue, target: about.host ?? pool }),
      reason: 'its message is gone',
      at: time,
      size: 0,
    },
    isGone: true,
    subject: undefined,
    message: undefined,
  }
}

async function lastOf(jetStream: JetStream): Promise<number> {
  return jetStream.use('read the dead letters', async ({ manager }) => {
    return (await manager.streams.info(deadStream)).state.last_seq
  })
}

/** The first message from a number on. */
async function nextOf(jetStream: JetStream, seq: number): Promise<StoredMsg | undefined> {
  const next = { seq, next_by_subj: '>' } // The types do not know that of the servers.
  return jetStream.use('read the dead letters', async ({ manager }) => {
    return (await manager.streams.getMessage(deadStream, next)) ?? undefined
  })
}

async function messageAt(
  jetStream: JetStream,
  stream: string,
  seq: number,
): Promise<StoredMsg | undefined> {
  return jetStream.use('read the dead letters', async ({ manager }) => {
    return (await manager.streams.getMessage(stream, { seq })) ?? undefined
  })
}

function jsonOf(message: StoredMsg): Readonly<Record<string, unknown>> {
  try {
    const value = message.json<unknown>()
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

/** What was written by others may be anything. */
function decoded(header: string): string {
  try {
    return decodeURIComponent(header)
  } catch {
    return header
  }
}
