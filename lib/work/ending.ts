import { deferred } from '../deferred.js'

/** How work is told that it has to end. */
export interface Ending {
  /** It is asked to end; the reason is `FSQ_TIMEOUT` or `FSQ_STOPPED`. */
  readonly signal: AbortSignal
  /** It has to end now, for the same reason. */
  readonly kill: AbortSignal
  /** Resolves to the reason when it has to end now. */
  readonly killed: Promise<unknown>
}

/**
 * How the work on an item is told so. A signal is made when somebody looks at it: that takes as long as to claim the
 * item, and most handlers never do.
 */
export class JobEnding implements Ending {
  #asked: AbortController | undefined
  #over: AbortController | undefined
  readonly #killed = deferred<unknown>()

  get signal(): AbortSignal {
    return (this.#asked ??= new AbortController()).signal
  }

  get kill(): AbortSignal {
    return (this.#over ??= new AbortController()).signal
  }

  get killed(): Promise<unknown> {
    return this.#killed.promise
  }

  /** Whether it was asked to end. */
  get isAsked(): boolean {
    return this.#asked?.signal.aborted === true
  }

  /** Asks it to end; the first reason counts. */
  ask(reason: unknown): void {
    this.#asked ??= new AbortController()
    this.#asked.abort(reason)
  }

  /** It was asked to end, and has to now. */
  end(): void {
    const reason: unknown = this.signal.reason
    this.#over ??= new AbortController()
    this.#over.abort(reason)
    this.#killed.resolve(reason)
  }
}
