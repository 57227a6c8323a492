import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Root } from '../../root/root.js'
import { checkNoBrowser } from './browsers.js'
import { Budget } from './budget.js'
import { type Caller, mayUse } from './caller.js'
import { callerOf } from './credentials.js'
import type { Enqueues } from './enqueues.js'
import { explain } from './explain.js'
import { checkAnnounced, collect, incoming, type Pace } from './incoming.js'
import { answerMessage, RpcError, rpcCodes } from './json-rpc.js'
import { isParallel, notAllowed, perform } from './methods.js'
import { parseJson } from './parse-json.js'
import { readItemPath } from './put-path.js'
import { queueNamed } from './queue-name.js'
import { busy, Refusal } from './refusal.js'
import type { RequestLog } from './request-log.js'
import type { Response } from './respond.js'
import type { ServerLimits } from './server-options.js'
import type { Tokens } from './tokens.js'

/** What requests are served with. */
export interface Service {
  readonly root: Root
  readonly enqueues: Enqueues
  readonly limits: ServerLimits
  readonly budget: Budget
  /** Is told of what went wrong here; the client learns less. */
  readonly onError: (error: unknown) => void
  /** Those in force now. */
  readonly tokens: () => Tokens | undefined
  /** The names that a Host header may have, beside those of loopback; undefined for any. */
  readonly hostNames: () => readonly string[] | undefined
  /** Whether it is about to end. */
  readonly closing: () => boolean
}

/** A request that is being served. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly log: RequestLog
  /** Whether the client waits to be told that its body is wanted. */
  readonly expected: boolean
  /** Is told when it is clear that the client may be served. */
  readonly onAdmitted: () => void
}

/** The types of JSON-RPC. A browser sends neither to another site without asking first. */
const rpcTypes = ['application/json-rpc', 'application/json']

/**
 * Serves a request: looks whether it may be, and which of the two kinds it is.
 *
 * @throws {@link Refusal}, and what the queue throws.
 */
export async function serve(service: Service, exchange: Exchange): Promise<Response> {
  const { request, log } = exchange
  checkNoBrowser(request, service.hostNames())
  const caller = callerOf(request, service.tokens())
  log.sentBy(caller)
  exchange.onAdmitted()
  if (service.closing()) throw busy('the server is about to end')
  const { method, url = '' } = request
  if (url === '/' || url === '/RPC2') {
    if (method !== 'POST') throw notAllowedMethod('POST')
    return serveCalls(service, exchange, caller)
  }
  const item = itemIn(url)
  if (item === undefined) throw new Refusal(404, 'there is nothing at this path')
  if (method !== 'PUT') throw notAllowedMethod('PUT')
  return servePut(service, exchange, caller, item)
}

/** JSON-RPC: a message, in memory. */
async function serveCalls(
  { root, enqueues, limits, budget, onError }: Service,
  exchange: Exchange,
  caller: Caller,
): Promise<Response> {
  const { request, log } = exchange
  const type = mediaType(request)
  if (!rpcTypes.includes(type))
    throw new Refusal(415, `the type of a call is ${rpcTypes.join(' or ')}`)
  const pace = { limit: limits.maxBody, stall: limits.bodyTimeout, expected: exchange.expected }
  using body = await collect(bodyOf(exchange, pace), budget)
  const parsed = parseJson(body.bytes)
  const send = (answer: unknown, status = 200): Response => {
    return { status, type, body: answer === undefined ? '' : JSON.stringify(answer) }
  }
  if ('answer' in parsed) {
    log.failed(rpcCodes.request, 'no message of JSON-RPC')
    return send(parsed.answer)
  }
  const message = parsed.value
  if (Array.isArray(message)) log.batch(message.length)
  const seen = { denied: false }
  const context = {
    root,
    caller,
    enqueues,
    onNamed: (queue: string, id?: string) => {
      log.named(queue, id)
    },
  }
  const answer = await answerMessage(message, {
    isParallel,
    perform: async (call) => {
      log.called(call.method)
      try {
        return await perform(context, call)
      } catch (error) {
        if (!(error instanceof RpcError)) throw error
        log.failed(error.data?.code ?? error.code, error.message)
        if (error.code === rpcCodes.denied) seen.denied = true
        if (error.cause !== undefined && explain(error.cause).status === 500) onError(error.cause)
        throw error
      }
    },
  })
  return send(answer, seen.denied && !Array.isArray(message) ? 403 : 200)
}

/** PUT: the bytes of one item, straight to the disk. */
async function servePut(
  { root, enqueues, limits }: Service,
  exchange: Exchange,
  caller: Caller,
  { queue: name, id }: { readonly queue: string; readonly id: string },
): Promise<Response> {
  const { request, log } = exchange
  log.named(name, id)
  const queue = queueNamed(root, name)
  if (!mayUse(caller, name)) throw new Refusal(403, notAllowed(name))
  const type = mediaType(request)
  if (type !== '' && type !== 'application/octet-stream')
    throw new Refusal(415, 'the type of an item is application/octet-stream')
  if (request.headers['content-range'] !== undefined)
    throw new Refusal(400, 'an item comes as a whole')
  const pace = { limit: limits.maxItem, stall: limits.bodyTimeout, expected: exchange.expected }
  const added = await enqueues.take(queue, id, bodyOf(exchange, pace))
  return { status: added ? 201 : 200, type: 'application/json', body: JSON.stringify({ id }) }
}

/** The body of a request, counted. What is announced is looked at now, not when it is read. */
function bodyOf({ request, response, log }: Exchange, pace: Pace): AsyncIterable<Buffer> {
  checkAnnounced(request, pace)
  return (async function* () {
    for await (const piece of incoming(request, response, pace)) {
      log.bytes += piece.length
      yield piece
    }
  })()
}

/** What a client is told of what went wrong. */
export function refusalOf(error: unknown): Refusal {
  // A body that came to nothing has its reason as the cause.
  const cause = error instanceof Error ? error.cause : undefined
  if (error instanceof Refusal) return error
  if (cause instanceof Refusal) return cause
  const { status, code, message } = explain(error)
  const headers = status === 503 ? { 'Retry-After': '1' } : {}
  return new Refusal(status, message, { code, headers })
}

function itemIn(url: string): { readonly queue: string; readonly id: string } | undefined {
  try {
    return readItemPath(url)
  } catch {
    throw new Refusal(400, 'the path is not UTF-8', { code: 'FSQ_PATH' })
  }
}

function notAllowedMethod(allowed: string): Refusal {
  return new Refusal(405, `this path takes ${allowed}`, { headers: { Allow: allowed } })
}

function mediaType({ headers }: IncomingMessage): string {
  return (headers['content-type'] ?? '').replace(/;.*$/s, '').trim().toLowerCase()
}
