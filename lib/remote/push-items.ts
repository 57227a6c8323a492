import { FsqError } from '../errors.js'
import { checkMembers } from '../members.js'
import { downError, isDown } from '../queue/down.js'
import type { Item } from '../queue/item.js'
import type { Queue } from '../root/queue.js'
import type { WorkEvent } from '../work/events.js'
import type { Result } from '../work/job.js'
import { type Judgement, Patience } from '../work/patience.js'
import { Worker } from '../work/worker.js'
import { checkQueueName, type Remote } from './remote.js'
import { RemoteError } from './trouble.js'

/*
 * Pushing all items of a queue: a worker (lib/work) whose work on an item is
 *
 *   1. send it, and wait until the remote has confirmed it
 *   2. done; where the remote will never take it, fail
 *
 * While the remote is away the items at hand are kept, locked, and sent again under the same names. No
 * try is spent: that would change the name, and what has arrived unconfirmed would arrive once more.
 *
 * A crash between 1 and 2 leaves the item in both queues; it is sent again, which changes nothing there
 * unless it was worked on meanwhile.
 */

/** The remote went away, or is back. */
export type RemoteEvent =
  | {
      /** Tells the events apart: it is tried again after a second, and then ever less often. */
      readonly type: 'away'
      /** Why: `FSQ_PUSH`. */
      readonly error: FsqError
    }
  | {
      /** Tells the events apart. */
      readonly type: 'back'
    }

/** Something that happened while items were pushed. */
export type PushEvent = WorkEvent | RemoteEvent

/** How the items of a queue are pushed. */
export interface PushItemsOptions {
  /** Go on with what arrives, until `signal` aborts. @defaultValue false: until none is left */
  readonly follow?: boolean
  /**
   * How many are under way at a time, being sent or finished. Twice as many as the remote has
   * connections keep these busy: while one item is finished, the next is sent.
   *
   * @defaultValue 1
   */
  readonly concurrency?: number
  /** Lock each item. @defaultValue FSQ_LOCK */
  readonly lock?: boolean
  /** Pull the trigger of the queue there after each burst of items. @defaultValue false */
  readonly trigger?: boolean
  /** That nobody listens to that trigger is no error. @defaultValue false */
  readonly ignoreListener?: boolean
  /** How often, in seconds, the queue is looked at although nothing woke. @defaultValue 30 */
  readonly sweep?: number
  /** How long the end waits for what is under way, in seconds. @defaultValue 30 */
  readonly drain?: number
  /** Is told of everything. */
  readonly onEvent?: (event: PushEvent) => void
  /** Ends it: what is under way is waited for, all else stays in the queue. */
  readonly signal?: AbortSignal
}

const pushItemsOptions = new Set<string>([
  'follow',
  'concurrency',
  'lock',
  'trigger',
  'ignoreListener',
  'sweep',
  'drain',
  'onEvent',
  'signal',
] satisfies (keyof PushItemsOptions)[])

/** What came of pushing the items of a queue. */
export interface PushItemsResult {
  /** How many the remote has confirmed, and are done. */
  readonly pushed: number
  /** How many the remote will never take; they are in fail/. */
  readonly refused: number
  /** How many are in the queue as they were, although they were taken up. */
  readonly left: number
}

/**
 * Pushes the items of a queue to a queue of a remote; each is done once that has confirmed it. While the
 * remote is away they wait, as they are; one that the remote will never take goes to fail/; one with
 * which it fails for now is left, and with `follow` tried again in the next sweep. How often an item
 * was tried, and how old it is, is for who works on it there.
 *
 * @param target - the name of the queue there
 * @throws `FsqError` `FSQ_DENIED` where the remote does not let us; `FSQ_PUSH_REFUSED` where it refuses
 * the name of an item before it took any; `FSQ_PUSH` where it has no such queue, unless `follow` waits
 * for that; `FSQ_DOWN` where the queue is or goes down, unless `follow` waits for it; `FSQ_NO_QUEUE`,
 * `FSQ_SCAN`; `FSQ_REMOTE` where at the end the trigger could not be pulled. The items that were not
 * pushed are in the queue as they were.
 */
export async function pushItems(
  queue: Queue,
  remote: Remote,
  target: string,
  options: PushItemsOptions = {},
): Promise<PushItemsResult> {
  checkMembers('an option of a push', options, pushItemsOptions)
  checkQueueName(target)
  return new Pusher(queue, remote, target, options).run()
}

class Pusher {
  readonly #queue: Queue
  readonly #remote: Remote
  readonly #target: string
  readonly #options: PushItemsOptions
  readonly #ending = new AbortController()
  readonly #patience = new Patience({
    judge: (error) => (this.#isLost(error) ? { remote: 'there' } : judge(error)),
    onAway: (error) => {
      if (error instanceof FsqError) this.#tell({ type: 'away', error })
    },
    onBack: () => {
      this.#tell({ type: 'back' })
    },
  })
  /** Items that could not be pushed, and are tried again in the next sweep. */
  readonly #unable = new Set<string>()
  /** Whether the remote has taken an item. */
  #hasTaken = false
  #failure: { readonly error: unknown } | undefined
  /** How many were pushed since the last pull of the trigger. */
  #unannounced = 0
  #announcing = Promise.resolve()

  constructor(queue: Queue, remote: Remote, target: string, options: PushItemsOptions) {
    this.#queue = queue
    this.#remote = remote
    this.#target = target
    this.#options = options
  }

  async run(): Promise<PushItemsResult> {
    const { lock, concurrency, sweep, drain, signal } = this.#options
    signal?.addEventListener('abort', this.#end, { once: true })
    if (signal?.aborted === true) this.#end()
    const worker = new Worker(
      [{ queue: this.#queue.context, weight: 1 }],
      (item, ending) => this.#push(item, ending.signal),
      {
        ...(lock === undefined ? {} : { lock }),
        ...(concurrency === undefined ? {} : { concurrency }),
        ...(sweep === undefined ? {} : { sweep }),
        ...(drain === undefined ? {} : { drain }),
        maxTries: 0,
        ttl: 0,
        signal: this.#ending.signal,
        onEvent: (event) => {
          this.#hear(event)
        },
      },
    )
    try {
      const { done, failed, left } = await worker.ended
      if (this.#failure !== undefined) throw this.#failure.error
      await this.#announcing
      await this.#announce()
      return { pushed: done, refused: failed, left: left + this.#unable.size }
    } finally {
      signal?.removeEventListener('abort', this.#end)
      this.#patience[Symbol.dispose]()
    }
  }

  readonly #end = (): void => {
    this.#ending.abort()
  }

  /** Sends an item until the remote has it, or will not have it. Never rejects. */
  async #push(item: Item, signal: AbortSignal): Promise<Result> {
    const ending = this.#ending.signal // Ends a wait at once; what is under way has until `signal`.
    for (;;) {
      try {
        await this.#patience.run(() => this.#remote.push(item, this.#target, { signal }), ending)
        this.#hasTaken = true
        this.#unannounced++
        return { returned: true }
      } catch (error) {
        if (ending.aborted) return { stopped: true }
        const result = await this.#afterwards(item, error)
        if (result !== undefined) return result
      }
    }
  }

  /** What an item comes to that could not be sent; nothing where it is to be sent again. */
  async #afterwards(item: Item, error: unknown): Promise<Result | undefined> {
    if (!(error instanceof FsqError)) this.#fail(error)
    const kind = error instanceof RemoteError ? error.kind : 'failed'
    const isLost = this.#isLost(error)
    if (kind === 'away' && !isLost && !isDown(item.context)) return undefined
    const isOther = this.#isOther(error)
    if (kind === 'denied' || isLost || isOther) this.#fail(error)
    if (kind === 'refused' && !isOther) {
      const failed = await item.failPerm().catch((reason: unknown) => ({ unable: reason }))
      if (!('unable' in failed)) return { thrown: error }
    }
    this.#unable.add(item.id)
    return { unable: error }
  }

  /** A name that is wrong would keep a drain that is to end from its end. */
  #isLost(error: unknown): boolean {
    return error instanceof RemoteError && error.noQueue && this.#options.follow !== true
  }

  /**
   * While it took no item, a remote to which a name is none may have another FSQ_TIMEFMT, FSQ_ENCODE or
   * FSQ_CHARSET than we: it would refuse the whole queue.
   */
  #isOther(error: unknown): boolean {
    return error instanceof RemoteError && error.noName && !this.#hasTaken
  }

  #hear(event: WorkEvent): void {
    const isThrown = event.type === 'error' && this.#failure !== undefined
    if (!isThrown) this.#tell(plain(event))
    const isGone = event.type === 'error' && event.error.code === 'FSQ_NO_ITEM'
    if (isGone || event.type === 'done' || event.type === 'failed')
      this.#unable.delete(event.id ?? '')
    if (this.#options.follow === true) {
      if (event.type === 'idle') this.#announcing = this.#announceOrTell()
      return
    }
    if (event.type === 'idle') this.#end()
    if (event.type === 'down') this.#fail(downError([this.#queue.context]))
    if (event.type === 'error' && event.id === undefined) this.#fail(event.error)
  }

  async #announceOrTell(): Promise<void> {
    await this.#announcing
    try {
      await this.#announce()
    } catch (error) {
      if (error instanceof FsqError) this.#tell({ type: 'error', queue: this.#queue.name, error })
      else this.#fail(error)
    }
  }

  /** Wakes who works on the items there. */
  async #announce(): Promise<void> {
    const { trigger = false, ignoreListener } = this.#options
    if (!trigger || this.#unannounced === 0) return
    this.#unannounced = 0
    await this.#remote.triggerPull(this.#target, { ignoreListener })
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#end()
  }

  #tell(event: PushEvent): void {
    this.#options.onEvent?.(event)
  }
}

function judge(error: unknown): Judgement | undefined {
  if (!(error instanceof RemoteError)) return undefined
  const { kind, retryAfter } = error
  const remote = kind === 'away' ? kind : kind === 'failed' ? 'failing' : 'there'
  return { remote, retryAfter }
}

/** To a worker all that goes wrong is an error of a program or handler; what it was is behind that. */
function plain(event: WorkEvent): WorkEvent {
  if (!('error' in event)) return event
  const { code, cause } = event.error
  if (!(cause instanceof FsqError) || !['FSQ_EXEC', 'FSQ_HANDLER'].includes(code)) return event
  return { ...event, error: cause }
}
