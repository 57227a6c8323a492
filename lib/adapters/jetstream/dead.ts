import { checkMembers } from '../../members.js'
import { FsqError, nameErrors } from '../../errors.js'
import { wholeNumber } from '../../work/work-options.js'
import type { Connected, JetStream } from './connection.js'
import { allDead, type Dead, deadAt, type DeadLetter } from './dead-letters.js'
import { JetStreamEngine } from './jetstream-engine.js'
import { deadStream } from './layout.js'
import { NatsError } from './nats-error.js'
import { messageName } from './received.js'
import { bodyName } from './subject.js'

/** Which dead letters. */
export interface DeadChoice {
  /** Only those of this queue. @defaultValue all */
  readonly queue?: string | undefined
  /** At most so many; 0 for any number. @defaultValue 0 */
  readonly limit?: number | undefined
}

const known: ReadonlySet<string> = new Set(['queue', 'limit'] satisfies (keyof DeadChoice)[])

/**
 * What could not be delivered, the oldest first.
 *
 * @throws `FsqError` `FSQ_NATS_SETUP`, `FSQ_NATS`, `FSQ_DENIED`, `FSQ_NATS_CLIENT`
 */
export async function* listDead(
  jetStream: JetStream,
  choice: DeadChoice = {},
): AsyncGenerator<DeadLetter, void, undefined> {
  for await (const { letter, isGone } of chosen(jetStream, choice))
    if (isGone !== true) yield letter
}

/** A dead letter that was requeued, or why it was not. */
export interface RequeuedDead {
  /** The letter. */
  readonly letter: DeadLetter
  /** Why it stays where it is: `FSQ_NATS_MESSAGE`. */
  readonly error?: FsqError
}

/**
 * Sends dead letters again, under the names of their items. Where a receiver has the item meanwhile, it stays
 * with that. What a receiver found to be no item, or not the whole of one, is only sent again by its number:
 * it would be found to be none once more, unless it is received with other settings.
 *
 * @param which - by their numbers, or all of a choice
 * @throws `FsqError` as {@link listDead}; `FSQ_NATS` where there is no dead letter of a number. Those that were
 * sent before are sent.
 */
export async function* requeueDead(
  jetStream: JetStream,
  which: readonly number[] | DeadChoice,
): AsyncGenerator<RequeuedDead, void, undefined> {
  for await (const dead of chosen(jetStream, which)) {
    const { letter } = dead
    if (dead.isGone === true) {
      await remove(jetStream, dead)
      if (isList(which)) throw missing(letter.seq)
      continue
    }
    const error =
      isList(which) || !noItem.has(letter.code)
        ? await requeue(jetStream, dead)
        : noItemError(letter)
    yield error === undefined ? { letter } : { letter, error }
  }
}

/**
 * Removes dead letters for good, and of their items what is kept on the servers; also what is left of those whose
 * messages were confirmed late, which are not listed. Yields each once it is gone.
 *
 * @param which - by their numbers, or all of a choice
 * @throws `FsqError` as {@link requeueDead}. Those that were removed before are gone.
 */
export async function* removeDead(
  jetStream: JetStream,
  which: readonly number[] | DeadChoice,
): AsyncGenerator<DeadLetter, void, undefined> {
  for await (const dead of chosen(jetStream, which)) {
    await remove(jetStream, dead, async () => removeBody(jetStream, dead))
    yield dead.letter
  }
}

/** The errors of a message that is no item, or not the whole of one. */
const noItem: ReadonlySet<string | undefined> = new Set([...nameErrors, 'FSQ_NATS_MESSAGE'])

function noItemError({ seq, reason }: DeadLetter): FsqError {
  return new FsqError(
    'FSQ_NATS_MESSAGE',
    `dead letter ${seq} is no item, and cannot be sent again: ${reason}`,
  )
}

async function* chosen(
  jetStream: JetStream,
  which: readonly number[] | DeadChoice,
): AsyncGenerator<Dead, void, undefined> {
  if (isList(which)) {
    for (const seq of which) {
      wholeNumber('seq', seq, 1)
      const dead = await deadAt(jetStream, seq)
      if (dead === undefined) throw missing(seq)
      yield dead
    }
    return
  }
  checkMembers('an option of dead letters', which, known)
  const { queue, limit = 0 } = which
  wholeNumber('limit', limit, 0)
  let count = 0
  for await (const dead of allDead(jetStream)) {
    if (queue !== undefined && dead.letter.queue !== queue) continue
    yield dead
    if (dead.isGone !== true && ++count === limit) return
  }
}

function missing(seq: number): NatsError {
  return new NatsError('refused', `there is no dead letter with the number ${seq}`)
}

function isList(which: readonly number[] | DeadChoice): which is readonly number[] {
  return Array.isArray(which)
}

/** Sends it again, and removes what there is of it; why not, if it cannot be sent. */
async function requeue(jetStream: JetStream, dead: Dead): Promise<FsqError | undefined> {
  const { letter, subject, message, original } = dead
  if (subject === undefined || message === undefined || letter.id === undefined)
    return noItemError(letter)
  const headers: Record<string, string> = {}
  for (const [name, [value = '']] of message.header)
    if (/^Fsq-(?!Dead|Deliveries)/i.test(name)) headers[name] = value
  // It is received before the other is removed, by who would take it for a second one.
  if (original !== undefined) headers['Fsq-Replaces'] = messageName(original.stream, original.seq)
  const messageId = `${subject}/${message.header.get('Fsq-Id')}#dead-${letter.seq}`
  const engine = new JetStreamEngine(jetStream)
  await engine.publish({ subject, messageId, headers, body: message.data })
  await remove(jetStream, dead)
  return undefined
}

/** The letter last: it is all that tells of the others. */
async function remove(
  jetStream: JetStream,
  { letter, original }: Dead,
  removeMore = async (): Promise<void> => undefined,
): Promise<void> {
  await jetStream.use(`remove dead letter ${letter.seq}`, async (connected) => {
    if (original !== undefined) await removeMessage(connected, original.stream, original.seq)
    await removeMore()
    await removeMessage(connected, deadStream, letter.seq)
  })
}

/** It may be gone by now, which the servers tell as any other failure. */
async function removeMessage({ manager }: Connected, stream: string, seq: number): Promise<void> {
  try {
    await manager.streams.deleteMessage(stream, seq, false)
  } catch (error) {
    if (await isThere(manager, stream, seq)) throw error
  }
}

async function isThere(
  { streams }: Connected['manager'],
  stream: string,
  seq: number,
): Promise<boolean> {
  try {
    return (await streams.getMessage(stream, { seq })) !== null
  } catch (error) {
    if (error instanceof Error && error.name === 'StreamNotFoundError') return false
    throw error
  }
}

/** A body that is kept apart; not one of another item, which a letter from anybody may name. */
async function removeBody(jetStream: JetStream, { letter, subject, message }: Dead): Promise<void> {
  if (subject === undefined || letter.id === undefined) return
  const name = bodyName(subject, letter.id)
  if (message?.header.get('Fsq-Body') === name)
    await new JetStreamEngine(jetStream).bodies.remove(name)
}
