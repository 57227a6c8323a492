import { FsqError, reasonOf } from '../errors.js'
import type { Ended } from '../posix/program.js'
import type { Outcome } from '../queue/finish.js'
import type { Item } from '../queue/item.js'
import { dropOutput, keepOutput } from '../queue/output.js'
import { type Backoff, backoffSeconds } from './backoff.js'
import type { FinishedEvent, JobEvent } from './events.js'

/*
 * The work on one item:
 *
 *   1. run it; after the time limit, or when the worker is stopped, ask it to end, and after a grace
 *      end it
 *   2. finish the item as the result says; one that was stopped stays in the queue as it was
 *   3. give up the lock
 *
 * A crash at any point leaves the item in the queue: locked while a program runs on, free afterwards.
 */

/** How work is told that it has to end. */
export interface Ending {
  /** It is asked to end; the reason is `FSQ_TIMEOUT` or `FSQ_STOPPED`. */
  readonly signal: AbortSignal
  /** It has to end now. */
  readonly kill: AbortSignal
}

/** What came of the work itself: a program ended, a handler returned, threw, or did not end. */
export type Result = (Ended | { readonly returned: true } | { readonly thrown: unknown }) & {
  /** The last of what a program wrote, if that is kept. */
  readonly output?: Uint8Array
}

/** Does the work. Never rejects. */
export type Runner = (item: Item, ending: Ending) => Promise<Result>

/** How the work on items is done. */
export interface JobOptions {
  readonly run: Runner
  /** In seconds; 0 for none. */
  readonly timeout: number
  /** How long work that was asked to end has for it, in seconds. */
  readonly grace: number
  /** Undefined: an item that failed may be tried again at once. */
  readonly backoff?: Backoff | undefined
  /** Leave each item as it is, however the work ends. */
  readonly noDone?: boolean
  readonly onEvent: (event: JobEvent) => void
}

/** What became of the item. */
export type JobEnd =
  | { readonly type: 'left'; readonly error?: FsqError }
  | Pick<FinishedEvent, 'type' | 'outcome' | 'error' | 'notBefore'>

/** See above. */
export class Job {
  readonly item: Item
  readonly #options: JobOptions
  readonly #ending = new AbortController()
  readonly #kill = new AbortController()
  #graceTimer: NodeJS.Timeout | undefined

  constructor(item: Item, options: JobOptions) {
    this.item = item
    this.#options = options
  }

  /** Does the work, and gives up the item. Rejects only for what the next item would meet as well. */
  async run(): Promise<JobEnd> {
    const { item } = this
    const { run, timeout, onEvent } = this.#options
    const { queue, id, tries } = item
    onEvent({ type: 'claimed', queue, id, tries, waited: this.#secondsSince(item.enqueuedAt) })
    const began = performance.now()
    const timer =
      timeout > 0
        ? setTimeout(() => {
            this.#timeOut()
          }, timeout * 1000)
        : undefined
    try {
      const result = await run(item, { signal: this.#ending.signal, kill: this.#kill.signal })
      clearTimeout(timer)
      const seconds = (performance.now() - began) / 1000
      const end = await this.#finish(result)
      onEvent({ queue, id, seconds, ...end })
      return end
    } catch (error) {
      // An item that somebody else finished, or that cannot be moved: on with the next.
      if (!(error instanceof FsqError)) throw error
      onEvent({ type: 'error', queue, id, error })
      return { type: 'left' }
    } finally {
      clearTimeout(timer)
      clearTimeout(this.#graceTimer)
      item.close()
    }
  }

  /** Asks it to end, and after the grace ends it. Its item stays in the queue. */
  stop(grace: number): void {
    const { id, queue } = this.item
    this.#end(new FsqError('FSQ_STOPPED', `${id}: the worker stopped`, { id, queue }), grace)
  }

  /** Ends it now. Its item stays in the queue. */
  kill(): void {
    this.stop(0)
    this.#kill.abort(this.#ending.signal.reason)
  }

  #timeOut(): void {
    const { id, queue } = this.item
    const message = `${id}: took longer than ${this.#options.timeout} s`
    this.#end(new FsqError('FSQ_TIMEOUT', message, { id, queue }), this.#options.grace)
  }

  #end(reason: FsqError, grace: number): void {
    this.#ending.abort(reason)
    if (grace === Infinity) return
    this.#graceTimer ??= setTimeout(() => {
      this.#kill.abort(reason)
    }, grace * 1000)
  }

  async #finish(result: Result): Promise<JobEnd & { readonly code?: number }> {
    const { item } = this
    const asked = this.#ending.signal.aborted ? (this.#ending.signal.reason as FsqError) : undefined
    if (item.outcome !== undefined) return { ...typeOf(item.outcome), outcome: item.outcome }
    if (asked?.code === 'FSQ_STOPPED') return { type: 'left', error: asked }
    const failed = this.#failureOf(result)
    const error = asked ?? failed.error
    const { code } = failed
    const facts = { ...(error && { error }), ...(code !== undefined && { code }) }
    if (this.#options.noDone === true) return { type: 'left', ...facts }
    const notBefore = this.#nextTime()
    const outcome = await this.#move(result, asked, notBefore)
    if (result.output !== undefined) await this.#keep(result.output, outcome)
    const again = outcome.state === 'queue' && notBefore !== undefined
    return { ...typeOf(outcome), outcome, ...facts, ...(again && { notBefore }) }
  }

  async #move(
    result: Result,
    asked: FsqError | undefined,
    notBefore: Date | undefined,
  ): Promise<Outcome> {
    const { item } = this
    const later = notBefore === undefined ? {} : { notBefore }
    if (asked !== undefined) return item.failTmp(later)
    if ('returned' in result) return item.success()
    if ('thrown' in result) return isInvalid(result.thrown) ? item.failPerm() : item.failTmp(later)
    if ('signal' in result) return item.failPerm()
    if ('code' in result)
      return result.code === item.context.settings.failTmp
        ? item.failTmp(later)
        : item.done(result.code)
    // No system has arguments with a NUL in them: no later try can succeed.
    const ofItem = item.arguments.some((argument) => argument.includes('\0'))
    return ofItem ? item.failPerm() : item.failTmp(later)
  }

  #failureOf(result: Result): { error?: FsqError; code?: number } {
    const { id, queue } = this.item
    const fields = { id, queue }
    if ('code' in result) return { code: result.code }
    if ('signal' in result) {
      const message = `${id}: processing terminated by signal ${result.signal}`
      return { error: new FsqError('FSQ_PROGRAM_KILLED', message, fields) }
    }
    if ('thrown' in result) {
      if (isInvalid(result.thrown)) return { error: result.thrown }
      const message = `${id}: ${reasonOf(result.thrown)}`
      return { error: new FsqError('FSQ_HANDLER', message, { ...fields, cause: result.thrown }) }
    }
    if ('error' in result) {
      const message = `${id}: ${reasonOf(result.error)}`
      return { error: new FsqError('FSQ_EXEC', message, { ...fields, cause: result.error }) }
    }
    return {}
  }

  #nextTime(): Date | undefined {
    const { backoff } = this.#options
    if (backoff === undefined) return undefined
    const now = this.item.context.clock.now()
    return new Date(now + backoffSeconds(backoff, this.item.tries + 1) * 1000)
  }

  #secondsSince(time: Date): number {
    return Math.max(0, (this.item.context.clock.now() - time.getTime()) / 1000)
  }

  /** Best effort: the item is finished already. */
  async #keep(output: Uint8Array, outcome: Outcome): Promise<void> {
    const { context, id, queue } = this.item
    try {
      if (outcome.state !== 'done') await keepOutput(context, outcome.id, output)
      if (this.item.tries > 0 && outcome.id !== id) dropOutput(context, id)
      if (this.item.tries > 0 && outcome.state === 'done') dropOutput(context, id)
    } catch (cause) {
      const message = `cannot keep the output of ${id}: ${reasonOf(cause)}`
      const error = new FsqError('FSQ_OUTPUT', message, { id, queue, cause })
      this.#options.onEvent({ type: 'error', queue, id, error })
    }
  }
}

/** An item that the codec of a typed queue refuses: no later try can succeed. */
function isInvalid(thrown: unknown): thrown is FsqError {
  return thrown instanceof FsqError && thrown.code === 'FSQ_INVALID'
}

function typeOf({ state }: Outcome): { type: FinishedEvent['type'] } {
  return { type: state === 'done' ? 'done' : state === 'fail' ? 'failed' : 'retried' }
}
