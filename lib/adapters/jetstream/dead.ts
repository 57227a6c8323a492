import type { StoredMsg } from '@nats-io/jetstream'
import { checkMembers } from '../../members.js'
import { wholeNumber } from '../../work/work-options.js'
import type { Connected, JetStream } from './connection.js'
import { deadStream, exhaustedAdvisory } from './layout.js'
import { JetStreamEngine } from './jetstream-engine.js'
import { isAway, NatsError } from './nats-error.js'
import { pool, readSubject, subjectOf } from './subject.js'

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

/** Which dead letters. */
export interface DeadChoice {
  /** Only those of this queue. @defaultValue all */
  readonly queue?: string | undefined
  /** At most so many; 0 for any number. @defaultValue 0 */
  readonly limit?: number | undefined
}

const known: ReadonlySet<string> = new Set(['queue', 'limit'] satisfies (keyof DeadChoice)[])

/** A dead letter with what is needed to send it again. */
interface Dead {
  readonly letter: DeadLetter
  readonly subject: string | undefined
  /** The message: the letter itself, or what still is where it could not be delivered from. */
  readonly message: StoredMsg | undefined
  /** Where it still is. */
  readonly original?: { readonly stream: string; readonly seq: number }
}

/**
 * What could not be delivered, the oldest first.
 *
 * @throws `FsqError` `FSQ_NATS_SETUP`, `FSQ_NATS`, `FSQ_DENIED`, `FSQ_NATS_CLIENT`
 */
export async function* listDead(
  jetStream: JetStream,
  choice: DeadChoice = {},
): AsyncGenerator<DeadLetter, void, undefined> {
  checkMembers('an option of listing dead letters', choice, known)
  const { limit = 0 } = choice
  wholeNumber('limit', limit, 0)
  let count = 0
  for await (const { letter } of allDead(jetStream)) {
    if (choice.queue !== undefined && letter.queue !== choice.queue) continue
    yield letter
    if (++count === limit) return
  }
}

/** A dead letter that was requeued, or why it was not. */
export interface RequeuedDead {
  /** The letter. */
  readonly letter: DeadLetter
  /** Why it stays where it is. */
  readonly error?: NatsError
}

/**
 * Sends dead letters again, under the names of their items. Where a receiver has the item meanwhile, it stays
 * with that.
 *
 * @param which - by their numbers, or all of a choice
 * @throws `FsqError` as {@link listDead}; `FSQ_NATS_SETUP` where there is no dead letter of a number. Those
 * that were sent before are sent.
 */
export async function* requeueDead(
  jetStream: JetStream,
  which: readonly number[] | DeadChoice,
): AsyncGenerator<RequeuedDead, void, undefined> {
  if (isList(which)) {
    for (const seq of which) {
      wholeNumber('seq', seq, 1)
      const dead = await deadAt(jetStream, seq)
      if (dead === undefined)
        throw new NatsError('refused', `there is no dead letter with the number ${seq}`)
      yield requeued(dead.letter, await requeue(jetStream, dead))
    }
    return
  }
  checkMembers('an option of requeueing dead letters', which, known)
  const { queue, limit = 0 } = which
  wholeNumber('limit', limit, 0)
  let count = 0
  for await (const dead of allDead(jetStream)) {
    if (queue !== undefined && dead.letter.queue !== queue) continue
    yield requeued(dead.letter, await requeue(jetStream, dead))
    if (++count === limit) return
  }
}

function requeued(letter: DeadLetter, error: NatsError | undefined): RequeuedDead {
  return error === undefined ? { letter } : { letter, error }
}

function isList(which: readonly number[] | DeadChoice): which is readonly number[] {
  return Array.isArray(which)
}

async function* allDead(jetStream: JetStream): AsyncGenerator<Dead> {
  for (let seq = 1; ;) {
    const message = await nextOf(jetStream, seq)
    if (message === undefined) return
    seq = message.seq + 1
    const dead = await readDead(jetStream, message).catch((error: unknown) => {
      if (isAway(error)) throw error
      return unreadable(message)
    })
    if (dead !== undefined) yield dead
  }
}

async function deadAt(jetStream: JetStream, seq: number): Promise<Dead | undefined> {
  const message = await messageAt(jetStream, deadStream, seq)
  return message === undefined ? undefined : readDead(jetStream, message)
}

/** Undefined for what is not dead any more. */
async function readDead(jetStream: JetStream, message: StoredMsg): Promise<Dead | undefined> {
  const { subject, seq, time } = message
  if (!subject.startsWith(`${exhaustedAdvisory}.`)) return readLetter(message)
  const { stream, stream_seq, deliveries } = jsonOf(message)
  if (typeof stream !== 'string' || !isNumber(stream_seq)) return undefined
  const original = await messageAt(jetStream, stream, stream_seq).catch(unlessGone)
  if (original === undefined || readSubject(original.subject)?.kind !== 'work') return undefined
  const count = typeof deliveries === 'number' ? deliveries : undefined
  return {
    letter: {
      ...aboutOf(original, original.subject),
      seq,
      reason: `delivered ${count ?? 'too many'} times, and never confirmed`,
      at: time,
      ...(count !== undefined && { deliveries: count }),
    },
    subject: original.subject,
    message: original,
    original: { stream, seq: stream_seq },
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

/** What has headers that no client would write. */
function unreadable({ seq, time, data, subject }: StoredMsg): Dead | undefined {
  if (subject.startsWith(`${exhaustedAdvisory}.`)) return undefined
  const reason = 'it cannot be read'
  return {
    letter: { seq, reason, at: time, size: data.length },
    subject: undefined,
    message: undefined,
  }
}

/** Sends it again, and removes what there is of it; why not, if it cannot be sent. */
async function requeue(jetStream: JetStream, dead: Dead): Promise<NatsError | undefined> {
  const { letter, subject, message, original } = dead
  if (subject === undefined || message === undefined || letter.id === undefined)
    return new NatsError(
      'refused',
      `dead letter ${letter.seq} is no item, and cannot be sent again`,
    )
  const headers: Record<string, string> = {}
  for (const [name, [value = '']] of message.header)
    if (/^Fsq-(?!Dead|Deliveries)/i.test(name)) headers[name] = value
  const messageId = `${subject}/${message.header.get('Fsq-Id')}#dead-${letter.seq}`
  const engine = new JetStreamEngine(jetStream)
  await engine.publish({ subject, messageId, headers, body: message.data })
  await jetStream.use(`remove dead letter ${letter.seq}`, async (connected) => {
    const { manager } = connected
    if (original !== undefined) await removeMessage(connected, original.stream, original.seq)
    await manager.streams.deleteMessage(deadStream, letter.seq, false)
  })
  return undefined
}

/** It may be gone by now. */
async function removeMessage({ manager }: Connected, stream: string, seq: number): Promise<void> {
  await manager.streams.deleteMessage(stream, seq, false).catch(() => undefined)
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
