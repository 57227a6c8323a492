import { shortened } from './explain.js'

/*
 * JSON-RPC, 2.0 and 1.0 (https://www.jsonrpc.org): messages in, answers out, and what a call does is
 * somebody else's. The answer has the shape of its request: with "jsonrpc": "2.0" that of 2.0, without
 * that of 1.0, which has both members, result and error.
 *
 * Nothing that a message says makes an object of a class: __jsonclass__ is a member like any other.
 */

/** A call that was well-formed. */
export interface Call {
  readonly method: string
  readonly params: readonly unknown[] | Readonly<Record<string, unknown>>
}

/** The codes of JSON-RPC. */
export const rpcCodes = {
  parse: -32700,
  request: -32600,
  method: -32601,
  params: -32602,
  internal: -32603,
  denied: -32000,
} as const

/** What a call comes to where it fails. */
export class RpcError extends Error {
  readonly code: number
  readonly data: { readonly code: string } | undefined

  constructor(code: number, message: string, fsqCode?: string, cause?: unknown) {
    super(shortened(message), cause === undefined ? undefined : { cause })
    this.code = code
    this.data = fsqCode === undefined ? undefined : { code: fsqCode }
  }
}

/** Who does what is called. */
export interface Performer {
  /** The result of a call; throws {@link RpcError}. */
  readonly perform: (call: Call) => Promise<unknown>
  /** Whether a call of that method may be under way together with others like it. */
  readonly isParallel: (method: string) => boolean
}

/** The most calls in one batch. */
export const largestBatch = 1000

/**
 * Answers a message, a request or a batch of them.
 *
 * @returns what to send back, if anything.
 */
export async function answerMessage(message: unknown, performer: Performer): Promise<unknown> {
  if (!Array.isArray(message)) return answerRequest(message, performer)
  if (message.length === 0) return refused('an empty batch')
  if (message.length > largestBatch)
    return refused(`a batch of ${message.length}; there may be ${largestBatch}`)
  const answers = await answerBatch(message, performer)
  return answers.length === 0 ? undefined : answers
}

/** The answer to what is no message at all. */
export function refused(why: string, code: number = rpcCodes.request): object {
  return errorAnswer({ id: null, is2: true }, new RpcError(code, why))
}

/** In order, but that calls which may are under way together: enqueues share their syncs. */
async function answerBatch(batch: readonly unknown[], performer: Performer): Promise<unknown[]> {
  const answers: Promise<unknown>[] = []
  for (const request of batch) {
    const call = readCall(request)
    if ('failed' in call || !performer.isParallel(call.method)) await Promise.all(answers)
    answers.push(answerRequest(request, performer))
  }
  return (await Promise.all(answers)).filter((answer) => answer !== undefined)
}

async function answerRequest(request: unknown, { perform }: Performer): Promise<unknown> {
  const shape = shapeOf(request)
  const call = readCall(request)
  if ('failed' in call) return errorAnswer(shape, call.failed)
  try {
    const result = await perform(call)
    return isNotification(request) ? undefined : resultAnswer(shape, result)
  } catch (error) {
    if (!(error instanceof RpcError)) throw error
    return isNotification(request) ? undefined : errorAnswer(shape, error)
  }
}

interface Shape {
  readonly id: string | number | null
  readonly is2: boolean
}

function resultAnswer({ id, is2 }: Shape, result: unknown): object {
  return is2 ? { jsonrpc: '2.0', result, id } : { result, error: null, id }
}

function errorAnswer({ id, is2 }: Shape, { code, message, data }: RpcError): object {
  const error = { code, message, ...(data === undefined ? {} : { data }) }
  return is2 ? { jsonrpc: '2.0', error, id } : { result: null, error, id }
}

function shapeOf(request: unknown): Shape {
  if (!isObject(request)) return { id: null, is2: true }
  const id = own(request, 'id')
  return {
    id: typeof id === 'string' || typeof id === 'number' ? id : null,
    is2: own(request, 'jsonrpc') !== undefined,
  }
}

/** No id, or in 1.0 one that is null: nobody waits for an answer. */
function isNotification(request: unknown): boolean {
  if (!isObject(request)) return false
  const id = own(request, 'id')
  return id === undefined || (id === null && !shapeOf(request).is2)
}

function readCall(request: unknown): Call | { readonly failed: RpcError } {
  const failed = (why: string) => ({ failed: new RpcError(rpcCodes.request, why) })
  if (!isObject(request)) return failed('a request is an object')
  const version = own(request, 'jsonrpc')
  if (version !== undefined && version !== '2.0') return failed('jsonrpc is "2.0", or not there')
  const id = own(request, 'id')
  if (!['string', 'number', 'undefined'].includes(typeof id) && id !== null)
    return failed('an id is text, a number or null')
  const method = own(request, 'method')
  if (typeof method !== 'string') return failed('a method is text')
  const params = own(request, 'params') ?? []
  if (!Array.isArray(params) && !isObject(params)) return failed('params are a list or an object')
  return { method, params }
}

/** A member that the message itself has, and not some prototype. */
export function own(object: Readonly<Record<string, unknown>>, member: string): unknown {
  return Object.hasOwn(object, member) ? object[member] : undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
