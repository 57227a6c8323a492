import { FsqError } from '../../errors.js'
import { checkItemName } from '../../queue/reenqueue.js'
import type { Queue } from '../../root/queue.js'
import type { Root } from '../../root/root.js'
import { type Caller, mayUse } from './caller.js'
import type { Enqueues } from './enqueues.js'
import { explain, isOfClient } from './explain.js'
import { type Call, RpcError, rpcCodes } from './json-rpc.js'
import { flag, type Params, readValues, text, textOr, textOrNull, type Values } from './params.js'
import { itemPath } from './put-path.js'
import { checkName, queueNamed } from './queue-name.js'

/** What a call works with. */
export interface CallContext {
  readonly root: Root
  readonly caller: Caller
  readonly enqueues: Enqueues
  /** Is told which queue and which item a call names. */
  readonly onNamed: (queue: string, id?: string) => void
}

/** A method: what it takes, what it does, and what it says of itself. */
interface Method {
  readonly params: Params
  readonly returns: string
  readonly help: string
  /** Whether several may be under way together. */
  readonly parallel: boolean
  readonly run: (context: CallContext, given: Call['params']) => Promise<unknown>
}

function method<P extends Params>(
  params: P,
  returns: string,
  help: string,
  run: (context: CallContext, values: Values<P>) => Promise<unknown>,
  parallel = false,
): Method {
  const call: Method['run'] = async (context, given) => run(context, readValues(params, given))
  return { params, returns, help, parallel, run: call }
}

const item = { fsq_id: text, trg_queue: text }

/** The methods, by their names. */
const methods: ReadonlyMap<string, Method> = new Map(
  Object.entries({
    api_version: method({}, 'string', 'The version of this interface: "1.0".', async () => '1.0'),

    enqueue: method(
      { ...item, data: text },
      'string',
      'Puts the item fsq_id into the queue trg_queue, with the text data as its body, written in the ' +
        "server's FSQ_CHARSET. Returns fsq_id once the item is there to stay; if it was there before, " +
        'that is success too.',
      async (context, { fsq_id, trg_queue, data }) => {
        await take(context, fsq_id, trg_queue, data)
        return fsq_id
      },
      true,
    ),

    enqueue_base64: method(
      { ...item, data: text },
      'string',
      'As enqueue, with a body of any bytes: data is Base64, as RFC 4648 has it, without line breaks.',
      async (context, { fsq_id, trg_queue, data }) => {
        await take(context, fsq_id, trg_queue, fromBase64(data))
        return fsq_id
      },
      true,
    ),

    enqueue_url: method(
      item,
      'string',
      'The path under which the body of the item fsq_id may be put, for the queue trg_queue: a plain ' +
        'HTTP PUT of its bytes, which may be of any size. 201 says that the item is there to stay, 200 ' +
        'that it was there before.',
      async (context, { fsq_id, trg_queue }) => {
        checkItemName(allowed(context, trg_queue, fsq_id).context, fsq_id)
        return itemPath(trg_queue, fsq_id)
      },
    ),

    is_down: method(
      { queue: text, host: textOrNull },
      'boolean',
      'Whether the queue is down; with a host, whether its host queue is, or the queue itself.',
      async (context, { queue: name, host }) => {
        const queue = allowed(context, name)
        if (host === null) return queue.isDown()
        checkName('host', host)
        return queue.hostIsDown(host)
      },
    ),

    trigger_pull: method(
      { queue: text, ignore_listener: flag, trigger: textOr('trigger-s') },
      'nil',
      'Wakes who listens to the trigger of the queue, or to that of its host queues: trigger is the ' +
        'name of its FIFO. That nobody listens is an error unless ignore_listener is true.',
      async (context, { queue: name, ignore_listener: ignoreListener, trigger }) => {
        const queue = allowed(context, name)
        const { triggerFifo, hostsTriggerFifo } = context.root.settings
        if (trigger === triggerFifo) await queue.triggerPull({ ignoreListener })
        else if (trigger === hostsTriggerFifo) await queue.hostTriggerPull({ ignoreListener })
        else throw new FsqError('FSQ_PATH', `no such trigger: ${JSON.stringify(trigger)}`)
        return null
      },
    ),

    'system.listMethods': method({}, 'array', 'The names of the methods.', async () =>
      [...methods.keys()].sort(),
    ),

    'system.methodHelp': method(
      { method: text },
      'string',
      'What a method does.',
      async (_, values) => find(values.method).help,
    ),

    'system.methodSignature': method(
      { method: text },
      'array',
      'The forms of a method: for each, the type of its result and those of its parameters.',
      async (_, values) => signaturesOf(find(values.method)),
    ),
  }),
)

/** Whether calls of that method may be under way together. */
export function isParallel(name: string): boolean {
  return methods.get(name)?.parallel ?? false
}

/**
 * Does what is called.
 *
 * @throws {@link RpcError}, whatever went wrong
 */
export async function perform(
  context: CallContext,
  { method: name, params }: Call,
): Promise<unknown> {
  try {
    return await find(name).run(context, params)
  } catch (error) {
    if (error instanceof RpcError) throw error
    const { code, message } = explain(error)
    const kind = isOfClient(error) ? rpcCodes.params : rpcCodes.internal
    throw new RpcError(kind, message, code, error)
  }
}

function find(name: string): Method {
  const found = methods.get(name)
  if (found === undefined)
    throw new RpcError(rpcCodes.method, `no such method: ${JSON.stringify(name)}`)
  return found
}

async function take(
  context: CallContext,
  id: string,
  name: string,
  body: string | Uint8Array,
): Promise<void> {
  await context.enqueues.takeInTurn(allowed(context, name, id), id, body)
}

/** The queue that a caller names, if it may. */
function allowed({ root, caller, onNamed }: CallContext, name: string, id?: string): Queue {
  const queue = queueNamed(root, name)
  onNamed(name, id)
  if (!mayUse(caller, name)) throw new RpcError(rpcCodes.denied, notAllowed(name))
  return queue
}

/** What a client is told that may not use a queue, whether there is one or not. */
export function notAllowed(queue: string): string {
  return `this token is not for the queue ${queue}`
}

function fromBase64(data: string): Buffer {
  const isBase64 = data.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(data)
  if (!isBase64) throw new RpcError(rpcCodes.params, 'wrong parameters: data is not Base64')
  return Buffer.from(data, 'base64')
}

/** One for each parameter that may be left out, and one without any of them. */
function signaturesOf({ params, returns }: Method): string[][] {
  const all = Object.values(params)
  const needed = all.filter(({ fallback }) => fallback === undefined).length
  const counts = Array.from({ length: all.length - needed + 1 }, (_, more) => needed + more)
  return counts.map((count) => [returns, ...all.slice(0, count).map(({ type }) => type)])
}
