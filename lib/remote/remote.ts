import { FsqError, type FsqErrorCode } from '../errors.js'
import { checkMembers } from '../members.js'
import type { Item } from '../queue/item.js'
import { isPathComponent } from '../settings.js'
import { untilAborted } from '../until-aborted.js'
import { parseAddress } from './address.js'
import { Connections, type RemoteTls } from './connections.js'
import { sendItem } from './send-item.js'
import { RemoteError, Trouble } from './trouble.js'
import { Wire } from './wire.js'

/** How a remote is reached. */
export interface RemoteOptions {
  /** The token by which it knows us. @defaultValue the credentials in its address, if any */
  readonly token?: string | undefined
  /** Whom we trust, and what we show, over https. */
  readonly tls?: RemoteTls | undefined
  /**
   * How long it may keep us waiting, in seconds: for a connection, for the next piece of a body to go,
   * or for an answer.
   *
   * @defaultValue 60
   */
  readonly timeout?: number | undefined
  /** How many connections there are at most; further calls wait for one. @defaultValue 8 */
  readonly connections?: number | undefined
}

const remoteOptions = new Set<string>([
  'token',
  'tls',
  'timeout',
  'connections',
] satisfies (keyof RemoteOptions)[])

/** For a call to a remote. */
export interface CallOptions {
  /** Gives up; what was asked for may be done all the same. */
  readonly signal?: AbortSignal | undefined
}

/** For a pull of a trigger of a remote. */
export interface RemoteTriggerOptions extends CallOptions {
  /** That nobody listens there is no error. @defaultValue false */
  readonly ignoreListener?: boolean | undefined
}

/** For the question whether a queue of a remote is down. */
export interface RemoteDownOptions extends CallOptions {
  /** The host queue that is asked about. @defaultValue the queue itself */
  readonly host?: string | undefined
}

/** What a remote can that does not tell. */
const leastMethods = ['api_version', 'enqueue', 'is_down', 'trigger_pull']

/**
 * Opens a remote: an fsq that serves its queues, as `fsq jsonrpcd` does. Nothing is sent yet.
 *
 * @param address - `http://HOST:PORT/`, `https://HOST:PORT/` or `unix:///PATH/OF/SOCKET`
 * @throws `TypeError` for what is no such address, and for an option of the wrong form.
 */
export function openRemote(address: string, options: RemoteOptions = {}): Remote {
  return new Remote(address, options)
}

/** An fsq that is reached over the network. Made by {@link openRemote}. */
export class Remote implements AsyncDisposable {
  /** Its address, without the credentials that may have been in it. */
  readonly name: string
  readonly #wire: Wire
  /** What it can; asked again after something went wrong. */
  #methods: Promise<ReadonlySet<string>> | undefined

  /** @internal */
  constructor(given: string, options: RemoteOptions) {
    const { token, ...connection } = checkedOptions(options)
    const address = parseAddress(given)
    const authorization = token === undefined ? address.authorization : `Bearer ${token}`
    this.name = address.name
    this.#wire = new Wire(address, new Connections(address, { ...connection, authorization }))
  }

  /**
   * Sends an item to a queue of the remote, under its name, and returns that once the remote has
   * confirmed that the item is there: written now, or before. The item stays where it is, as it was:
   * finish it afterwards. Where this fails the item may have arrived nevertheless. Sent again under the
   * same name it is not there twice, unless it was worked on there meanwhile.
   *
   * A body may be of any bytes and any size, and is sent in constant memory. A remote that is the
   * Python fsq takes only text in FSQ_CHARSET, of 64 MiB at most.
   *
   * @param queue - the name of the queue there
   * @throws `FsqError` `FSQ_PUSH` where the remote is away, or fails, so that another try is worth
   * it; `FSQ_PUSH_REFUSED` where it will never take this item; `FSQ_DENIED` where it does not let us;
   * `FSQ_PATH` for a name that no queue can have; `FSQ_BODY`, `FSQ_NO_ITEM` where the item cannot be
   * read.
   */
  async push(item: Item, queue: string, { signal }: CallOptions = {}): Promise<string> {
    checkQueueName(queue)
    const attempt = `cannot push ${item.id} to ${queue} at ${this.name}`
    await this.#attempt(attempt, codesOfPush, item, async () => {
      const methods = await untilAborted(this.#can(), signal)
      await sendItem(this.#wire, item, queue, methods, signal)
    })
    return item.id
  }

  /**
   * Wakes who listens to the trigger of a queue of the remote.
   *
   * @throws `FsqError` `FSQ_REMOTE`, also where there is no trigger or nobody listens to it;
   * `FSQ_DENIED`, `FSQ_PATH`.
   */
  async triggerPull(queue: string, options: RemoteTriggerOptions = {}): Promise<void> {
    checkQueueName(queue)
    const { ignoreListener = false, signal } = options
    const params = { queue, ignore_listener: ignoreListener }
    await this.#ask(`pull the trigger of ${queue}`, () =>
      this.#wire.call('trigger_pull', params, signal),
    )
  }

  /**
   * Whether a queue of the remote is down.
   *
   * @throws `FsqError` `FSQ_REMOTE`, `FSQ_DENIED`, `FSQ_PATH`.
   */
  async isDown(queue: string, { host, signal }: RemoteDownOptions = {}): Promise<boolean> {
    checkQueueName(queue)
    const params = host === undefined ? [queue] : [queue, host]
    const result = await this.#ask(`tell whether ${queue} is down`, () =>
      this.#wire.call('is_down', params, signal),
    )
    return result === true
  }

  /**
   * The names of the methods that the remote has.
   *
   * @throws `FsqError` `FSQ_REMOTE`, `FSQ_DENIED`.
   */
  async methods({ signal }: CallOptions = {}): Promise<readonly string[]> {
    return [...(await this.#ask('ask for methods', () => untilAborted(this.#can(), signal)))]
  }

  /** Closes the connections; calls that are under way fail. */
  close(): void {
    this.#wire[Symbol.dispose]()
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  /** Nobody's signal ends the question: the answer is for all. */
  async #can(): Promise<ReadonlySet<string>> {
    this.#methods ??= this.#wire.call('system.listMethods', []).then(
      (result) => new Set(Array.isArray(result) ? result.map(String) : leastMethods),
      (error: unknown) => {
        if (!(error instanceof Trouble)) throw error
        if (error.noMethod) return new Set(leastMethods)
        // Where it refuses even that, nothing is said of the item for which we ask.
        if (error.kind === 'refused')
          throw new Trouble('failed', error.message, { cause: error.cause })
        throw error
      },
    )
    return this.#methods
  }

  async #ask<T>(attempt: string, act: () => Promise<T>): Promise<T> {
    return this.#attempt(`cannot ${attempt} at ${this.name}`, codesOfCalls, undefined, act)
  }

  async #attempt<T>(
    attempt: string,
    codes: Codes,
    item: Item | undefined,
    act: () => Promise<T>,
  ): Promise<T> {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      if (error.kind !== 'refused') this.#methods = undefined // It may be another when it is back.
      const fields = item === undefined ? {} : { id: item.id, queue: item.queue }
      throw new RemoteError(codes[error.kind], attempt, error, fields)
    }
  }
}

type Codes = Readonly<Record<Trouble['kind'], FsqErrorCode>>

const codesOfPush: Codes = {
  away: 'FSQ_PUSH',
  failed: 'FSQ_PUSH',
  refused: 'FSQ_PUSH_REFUSED',
  denied: 'FSQ_DENIED',
}

const codesOfCalls: Codes = {
  away: 'FSQ_REMOTE',
  failed: 'FSQ_REMOTE',
  refused: 'FSQ_REMOTE',
  denied: 'FSQ_DENIED',
}

function checkedOptions(options: RemoteOptions) {
  checkMembers('an option of a remote', options, remoteOptions)
  const { token, tls = {}, timeout = 60, connections = 8 } = options
  if (!(typeof timeout === 'number' && timeout > 0))
    throw new TypeError(`Expected \`timeout\` to be more than 0, got ${String(timeout)}`)
  if (!Number.isSafeInteger(connections) || connections < 1)
    throw new TypeError(`Expected \`connections\` to be a whole number from 1, got ${connections}`)
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    // It is not for messages.
    throw new TypeError('Expected `token` to be printable ASCII without spaces')
  return { token, tls, timeout, connections }
}

/** @throws `FsqError` `FSQ_PATH` for a name that no queue can have; `TypeError` */
export function checkQueueName(queue: string): void {
  if (typeof queue !== 'string')
    throw new TypeError(`Expected the name of a queue to be a string, got ${typeof queue}`)
  if (isPathComponent(queue) && !/\p{Surrogate}/u.test(queue)) return
  throw new FsqError('FSQ_PATH', `illegal queue name: ${JSON.stringify(queue)}`, { queue })
}
