import { FsqError, type FsqErrorCode, type FsqErrorFields, reasonOf } from '../../errors.js'
import type { Judgement } from '../../work/patience.js'

/**
 * What NATS, if it did not do as it was asked, is to us: of no use for now (`away`); lacking what setup makes
 * (`setup`); never going to do this (`refused`); not ours to ask (`denied`).
 */
export type NatsTrouble = 'away' | 'setup' | 'refused' | 'denied'

/** NATS did not do as it was asked. */
export class NatsError extends FsqError {
  /** @internal */
  readonly trouble: NatsTrouble

  /** @internal */
  constructor(trouble: NatsTrouble, message: string, fields: FsqErrorFields = {}) {
    super(codes[trouble], message, fields)
    this.trouble = trouble
  }
}

const codes: Readonly<Record<NatsTrouble, FsqErrorCode>> = {
  away: 'FSQ_NATS',
  setup: 'FSQ_NATS_SETUP',
  refused: 'FSQ_NATS',
  denied: 'FSQ_DENIED',
}

/** The errors of the packages, by their names: their classes are loaded only when they are needed. */
const byName: Readonly<Record<string, NatsTrouble>> = {
  AuthorizationError: 'denied',
  UserAuthenticationExpiredError: 'denied',
  PermissionViolationError: 'denied',
  StreamNotFoundError: 'setup',
  ConsumerNotFoundError: 'setup',
  InvalidArgumentError: 'refused',
  InvalidSubjectError: 'refused',
}

/**
 * Those of JetStream, by their numbers. All others may pass: a stream that is full, an account at its limit, a
 * cluster without a leader.
 */
const byNumber: Readonly<Record<number, NatsTrouble>> = {
  10014: 'setup', // consumer not found
  10059: 'setup', // stream not found
  10054: 'refused', // message size exceeds maximum allowed
}

/** The error for what a package threw while something was attempted. */
export function natsError(attempt: string, error: unknown): unknown {
  if (error instanceof FsqError || !(error instanceof Error)) return error
  const trouble = troubleOf(error)
  if (trouble === undefined) return error
  return new NatsError(trouble, `${attempt}: ${wordsOf(error)}${hintOf(trouble, error)}`, {
    cause: error,
  })
}

function hintOf(trouble: NatsTrouble, { message }: Error): string {
  if (trouble === 'setup') return '; "fsq nats setup" makes it'
  if (/maximum bytes exceeded/i.test(message))
    return '; the stream is full until items are received, or "fsq nats setup --max-bytes" gives it more room'
  return ''
}

function troubleOf(error: Error): NatsTrouble | undefined {
  if (error instanceof TypeError || error instanceof SyntaxError || error instanceof RangeError)
    return undefined // A mistake of ours.
  if (error.name === 'AbortError') return undefined
  for (const at of causesOf(error)) {
    const known = byName[at.name]
    if (known !== undefined) return known
    if (!('code' in at) || typeof at.code !== 'number') continue
    const numbered = byNumber[at.code]
    if (numbered !== undefined) return numbered
  }
  if (/max_payload|maximum payload/i.test(error.message)) return 'refused'
  if (/unable to parse credentials|^nkeys:/i.test(error.message)) return 'denied'
  return 'away'
}

function wordsOf(error: Error): string {
  for (const at of causesOf(error)) {
    if (at.name === 'NoResponders')
      return 'no server answers for that; is there a leader, and JetStream?'
    if (isTimeout(at)) return 'no answer in time'
  }
  return reasonOf(error)
}

/** Whether it is to be tried again. */
export function isAway(error: unknown): boolean {
  return error instanceof NatsError && error.trouble === 'away'
}

/** Whether the servers are there, as far as is known, and did not answer in time. */
export function isUnanswered(error: unknown): boolean {
  return isAway(error) && [...causesOf(error)].some(isTimeout)
}

function* causesOf(error: unknown): Generator<Error> {
  for (let at = error; at instanceof Error; at = at.cause) yield at
}

function isTimeout({ name }: Error): boolean {
  return name === 'TimeoutError'
}

/** Whether somebody else has written there since it was read: "wrong last sequence". */
export function isOutrun(error: unknown): boolean {
  return error instanceof Error && 'code' in error && outrun.includes(error.code)
}

const outrun: readonly unknown[] = [10071, 10164]

/** Whether it would say the same of any other item. */
export function isOfAll(error: unknown): boolean {
  return error instanceof NatsError && (error.trouble === 'denied' || error.trouble === 'setup')
}

/** For {@link Patience}. */
export function judge(error: unknown): Judgement | undefined {
  if (!(error instanceof NatsError)) return undefined
  return { remote: error.trouble === 'away' ? 'away' : 'there' }
}
