import {
  errnoOf,
  FsqError,
  type FsqErrorCode,
  type FsqErrorFields,
  nameErrors,
  reasonOf,
} from '../errors.js'
import type { Answer } from './exchange.js'

/**
 * What a remote that did not do as it was asked is to us: of no use to anybody for now (`away`), failing
 * with this request for now (`failed`), never going to do this (`refused`), or not ours to ask
 * (`denied`).
 */
export type TroubleKind = 'away' | 'failed' | 'refused' | 'denied'

/** A remote did not do as it was asked. Inside only: {@link RemoteError} says what was attempted. */
export class Trouble extends Error {
  readonly kind: TroubleKind
  /** When the remote wants to be asked again, in seconds from now, if it said so. */
  readonly retryAfter: number | undefined
  /** Whether the remote has no such method. */
  readonly noMethod: boolean
  /** Whether it has no such queue. */
  readonly noQueue: boolean
  /** Whether the name of an item is none to it. */
  readonly noName: boolean

  constructor(kind: TroubleKind, reason: string, more: TroubleFields = {}) {
    const { cause, retryAfter, noMethod = false, noQueue = false, noName = false } = more
    super(reason, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.retryAfter = retryAfter
    this.noMethod = noMethod
    this.noQueue = noQueue
    this.noName = noName
  }
}

interface TroubleFields {
  readonly cause?: unknown
  readonly retryAfter?: number
  readonly noMethod?: boolean
  readonly noQueue?: boolean
  readonly noName?: boolean
}

/** The error of a call to a remote; what a drain has to know to go on is in it. */
export class RemoteError extends FsqError {
  /** @internal */
  readonly kind: TroubleKind
  /** @internal Whether the remote has no such queue. */
  readonly noQueue: boolean
  /** @internal Whether the name of the item is none to it. */
  readonly noName: boolean
  /** @internal */
  readonly retryAfter: number | undefined

  /** @internal */
  constructor(code: FsqErrorCode, attempt: string, trouble: Trouble, fields: FsqErrorFields = {}) {
    super(code, `${attempt}: ${trouble.message}`, { ...fields, cause: trouble.cause ?? trouble })
    this.kind = trouble.kind
    this.noQueue = trouble.noQueue
    this.noName = trouble.noName
    this.retryAfter = trouble.retryAfter
  }

  /** @internal Whether any other item would meet it now as well. */
  get isOfAll(): boolean {
    return this.kind === 'away' || this.kind === 'denied'
  }
}

const ownWords: Record<string, string> = {
  ECONNREFUSED: 'nobody listens there; is fsq jsonrpcd running?',
  ECONNRESET: 'the remote closed the connection; does it want https?',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ENOENT: 'there is no such socket; is fsq jsonrpcd running?',
  ENOTFOUND: 'there is no such host',
  EPIPE: 'the remote closed the connection',
  ENOTSOCK: 'that is no socket',
}

const noTrust = 'if its certificate is right, name the authority that signed it (--ca)'

/**
 * The trouble with a connection that failed.
 *
 * @throws what is none: what the body itself came to, or the reason of a signal.
 */
export function connectionTrouble(error: unknown): Trouble {
  if (error instanceof Trouble) return error
  if (error instanceof FsqError || !(error instanceof Error)) throw error
  if (!('code' in error) || typeof error.code !== 'string' || error.name === 'AbortError')
    throw error
  const words = ownWords[errnoOf(error) ?? '']
  const untrusted = /CERT|SIGNATURE/.test(error.code) ? `; ${noTrust}` : ''
  return new Trouble('away', words ?? `${reasonOf(error)}${untrusted}`, { cause: error })
}

/** How much of what a remote says is passed on. */
const enough = 500

/** The trouble that an HTTP status other than success tells of. */
export function statusTrouble({ status, headers, text }: Answer): Trouble {
  const told = toldIn(text)
  const reason = told?.message ?? `it answers with the HTTP status ${status}`
  const retryAfter = secondsUntil(headers['retry-after'])
  const when = retryAfter === undefined ? {} : { retryAfter }
  switch (status) {
    case 401:
      return new Trouble('denied', 'the remote wants a token, or another (--token-file)')
    case 403:
      return new Trouble('denied', `the remote does not allow it (${reason})`)
    case 413:
      return new Trouble('refused', `it is too large for the remote (${reason})`)
    case 400:
    case 415:
      return new Trouble(told === undefined ? 'away' : 'refused', strange(reason, told), {
        noName: isOfName(told?.code),
      })
    case 404:
      if (told?.code === 'FSQ_NO_QUEUE') return noQueue()
      return new Trouble('away', strange(reason, told))
    case 500:
      return new Trouble('failed', reason, when)
    default:
      return new Trouble('away', status < 500 ? strange(reason, told) : reason, when)
  }
}

function strange(reason: string, told: unknown): string {
  return told === undefined ? `${reason}; is there an fsq at that address?` : reason
}

/** The error that an fsq explains a status with. */
function toldIn(text: string): { readonly message: string; readonly code: string } | undefined {
  const { error } = objectIn(text) ?? {}
  const { code, message } = isObject(error) ? error : {}
  if (typeof message !== 'string' || typeof code !== 'string') return undefined
  return { message: `the remote says: ${message.slice(0, enough)}`, code }
}

/** In seconds or as a date; undefined where it is neither. */
function secondsUntil(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const seconds = /^[0-9]{1,9}$/.test(header)
    ? Number(header)
    : (Date.parse(header) - Date.now()) / 1000
  return seconds >= 0 ? seconds : undefined
}

/** The trouble that the error of a JSON-RPC answer tells of. */
export function callTrouble(error: unknown): Trouble {
  const { code, message, data } = isObject(error) ? error : {}
  const said = typeof message === 'string' ? plain(message) : 'it does not say why'
  if (isNoQueue(data, said)) return noQueue()
  const reason = `the remote says: ${said}`
  if (code === -32602) {
    const noName = isObject(data) && isOfName(data['code'])
    return new Trouble('refused', reason, { noName })
  }
  const noMethod = code === -32601
  return new Trouble(code === -32603 ? 'failed' : 'away', reason, { noMethod })
}

/** The Python fsq tells first where in its code the error arose. */
function plain(message: string): string {
  return message.replace(/^Server error: .*? \| /s, '').slice(0, enough)
}

function isOfName(code: unknown): boolean {
  return (nameErrors as ReadonlySet<unknown>).has(code)
}

function noQueue(): Trouble {
  const reason = 'the remote has no such queue; "fsq install" there makes it'
  return new Trouble('away', reason, { noQueue: true })
}

/** Without its queue no item fares better; and it may be installed yet. */
function isNoQueue(data: unknown, message: string): boolean {
  if (isObject(data)) return data['code'] === 'FSQ_NO_QUEUE'
  return message.includes('FSQReenqueueError: No such file or directory') // The Python fsq.
}

/** The object that a text is in JSON. */
export function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
