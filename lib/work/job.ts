import { FsqError, reasonOf } from '../errors.js'
import { toByteString } from '../name/charset.js'
import type { Ended } from '../posix/program.js'
import type { Outcome } from '../queue/finish.js'
import type { Item } from '../queue/item.js'
import { dropOutput, keepOutput } from '../queue/output.js'
import { after } from '../timer.js'
import { type Ending, JobEnding } from './ending.js'
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

/** What came of the work itself: a program ended, a handler returned, threw, or did not end. */
export type Result =
  | { readonly returned: true }
  | { readonly thrown: unknown }
  /** Somebody asked it to end who asked the worker as well. */
  | { readonly stopped: true }
  /** It could not be begun, for no reason of the item's. */
  | { readonly unable: unknown }
  | (Ended & {
      /** Whether it ended by itself, although it may have been asked to before that was known. */
      readonly inTime?: boolean
      /** The last of what a program wrote, if that is kept. */
      readonly output?: Uint8Array | undefined
    })

/** Does the work. Never rejects. */
export type Runner = (item: Item, ending: Ending) => Promise<Result>

/** How the work on items is done. */
export interface JobOptions {
  readonly run: Runner
  /** In seconds; 0 for none. */
  readonly timeout: number
  /** How long work that was asked to end has for it, in seconds. */
  readonly grace: number
  /** Leave each item as it is, however the work ends. */
  readonly noDone?: boolean
  readonly onEvent: (event: JobEvent) => void
}

/** What became of the item. */
export type JobEnd =
  | Pick<FinishedEvent, 'type' | 'outcome' | 'error'>
  /** It is in the queue as it was, since the worker was stopped, or since it was to be left. */
  | { readonly type: 'left'; readonly error?: FsqError }
  /** It is where it was, since the work could not be begun, or the item not be moved. */
  | { readonly type: 'unable'; readonly error: FsqError }
  /** Somebody else has finished it meanwhile. */
  | { readonly type: 'gone'; readonly error: FsqError }

/** See above. */
export class Job {
  readonly item: Item
  readonly #options: JobOptions
  readonly #ending = new JobEnding()
  #forgetTimeout = (): void => undefined
  #forgetGrace = (): void => undefined
  #isOver = false

  constructor(item: Item, options: JobOptions) {
    this.item = item
    this.#options = options
  }

  /** Does the work, and gives up the item. Rejects only for what the next item would meet as well. */
  async run(): Promise<JobEnd> {
    const { item } = this
    const { run, timeout, onEvent } = this.#options
    const { tries } = item
    const { queue, id } = this.#about()
    const began = performance.now()
    try {
      onEvent({ type: 'claimed', queue, id, tries, waited: this.#secondsSince(item.enqueuedAt) })
      if (timeout > 0) {
        this.#forgetTimeout = after(timeout, () => {
          this.#timeOut()
        })
      }
      const result = await run(item, this.#ending)
      this.#isOver = true
      this.#forgetTimeout()
      await item.settled() // A handler may have begun to finish it, and not have waited.
      const seconds = Math.round((performance.now() - began) * 1000) / 1_000_000
      const end = await this.#finish(result)
      if (end.type === 'unable' || end.type === 'gone')
        onEvent({ type: 'error', queue, id, error: end.error })
      else onEvent({ queue, id, seconds, ...end })
      return end
    } finally {
      this.#forgetTimeout()
      this.#forgetGrace()
      item.close()
    }
  }

  /** Asks it to end, and after the grace ends it. Its item stays in the queue. */
  stop(grace: number): void {
    this.#end(this.#stopped(), grace)
  }

  #stopped(): FsqError {
    const about = this.#about()
    return new FsqError('FSQ_STOPPED', `${about.id}: the worker stopped`, about)
  }

  /** Ends it now. Its item stays in the queue. */
  kill(): void {
    this.stop(0)
    this.#ending.end()
  }

  #timeOut(): void {
    const about = this.#about()
    const { timeout, grace } = this.#options
    const message = `${about.id}: took longer than ${timeout} s`
    const error = new FsqError('FSQ_TIMEOUT', message, about)
    // After a pause of this process timers come before all else: what ended meanwhile is to be heard first.
    this.#forgetTimeout = after(newsTakes, () => {
      if (!this.#isOver) this.#end(error, grace)
    })
  }

  #end(reason: FsqError, grace: number): void {
    this.#ending.ask(reason)
    if (grace === Infinity) return
    this.#forgetGrace()
    this.#forgetGrace = after(grace, () => {
      this.#ending.end()
    })
  }

  async #finish(result: Result): Promise<JobEnd & { readonly code?: number }> {
    const { item } = this
    const asked = this.#askedBefore(result)
    const failed = this.#failureOf(result)
    const error = asked ?? failed.error
    const { code } = failed
    const facts = { ...(error && { error }), ...(code !== undefined && { code }) }
    if (item.outcome !== undefined)
      return { ...typeOf(item.outcome), outcome: item.outcome, ...facts }
    if (asked?.code === 'FSQ_STOPPED') {
      item.wakeOthers()
      return { type: 'left', error: asked }
    }
    if ('unable' in result && error !== undefined) return { type: 'unable', error }
    if (this.#options.noDone === true) return { type: 'left', ...facts }
    const outcome = await this.#move(result, asked).catch(unfinished)
    if (outcome instanceof FsqError)
      return { type: outcome.code === 'FSQ_NO_ITEM' ? 'gone' : 'unable', error: outcome }
    if ('output' in result && result.output !== undefined) await this.#keep(result.output, outcome)
    return { ...typeOf(outcome), outcome, ...facts }
  }

  /** Why the work was asked to end before it did. */
  #askedBefore(result: Result): FsqError | undefined {
    if ('stopped' in result) return this.#stopped()
    if ('inTime' in result && result.inTime) return undefined
    return this.#ending.isAsked ? (this.#ending.signal.reason as FsqError) : undefined
  }

  async #move(result: Result, asked: FsqError | undefined): Promise<Outcome> {
    const { item } = this
    if (asked !== undefined) return item.failTmp()
    if ('returned' in result) return item.success()
    if ('thrown' in result) return this.#isInvalid(result.thrown) ? item.failPerm() : item.failTmp()
    if ('signal' in result) return item.failPerm()
    if ('code' in result) return item.done(result.code)
    // No system has arguments with a NUL in them: no later try can succeed.
    const ofItem = item.arguments.some((argument) => argument.includes('\0'))
    return ofItem ? item.failPerm() : item.failTmp()
  }

  #failureOf(result: Result): { error?: FsqError; code?: number } {
    const fields = this.#about()
    const { id } = fields
    if ('code' in result) return { code: result.code }
    if ('signal' in result) {
      const message = `${id}: processing terminated by signal ${result.signal}`
      return { error: new FsqError('FSQ_PROGRAM_KILLED', message, fields) }
    }
    if ('thrown' in result) {
      if (this.#isInvalid(result.thrown)) return { error: result.thrown }
      const message = `${id}: ${reasonOf(result.thrown)}`
      return { error: new FsqError('FSQ_HANDLER', message, { ...fields, cause: result.thrown }) }
    }
    const cause = 'error' in result ? result.error : 'unable' in result ? result.unable : undefined
    if (cause === undefined) return {}
    return { error: new FsqError('FSQ_EXEC', `${id}: ${reasonOf(cause)}`, { ...fields, cause }) }
  }

  /** This very item, and no other that a handler enqueues, is refused by its codec: no later try can succeed. */
  #isInvalid(thrown: unknown): thrown is FsqError {
    const { id, queue } = this.item
    if (!(thrown instanceof FsqError) || thrown.code !== 'FSQ_INVALID') return false
    return thrown.id === id && thrown.queue === queue
  }

  #about(): { readonly id: string; readonly queue: string } {
    return { id: this.item.id, queue: this.item.context.name }
  }

  #secondsSince(time: Date): number {
    return Math.max(0, (this.item.context.clock.now() - time.getTime()) / 1000)
  }

  /** Best effort: the item is finished already. */
  async #keep(output: Uint8Array, outcome: Outcome): Promise<void> {
    const { context } = this.item
    const { id, queue } = this.#about()
    try {
      if (outcome.state !== 'done') await keepOutput(context, outcome.id, output)
      if (this.item.tries > 0 && (outcome.id !== id || outcome.state === 'done'))
        dropOutput(context, toByteString(id, context.reading.charset))
    } catch (cause) {
      const message = `cannot keep the output of ${id}: ${reasonOf(cause)}`
      const error = new FsqError('FSQ_OUTPUT', message, { id, queue, cause })
      this.#options.onEvent({ type: 'error', queue, id, error })
    }
  }
}

/** How long the news of the end of a program may take, in seconds. */
const newsTakes = 0.02

/** For what is wrong with one item only; the next would meet all else as well. */
function unfinished(error: unknown): FsqError {
  if (error instanceof FsqError) return error
  throw error
}

function typeOf({ state }: Outcome): { type: FinishedEvent['type'] } {
  return { type: state === 'done' ? 'done' : state === 'fail' ? 'failed' : 'retried' }
}
