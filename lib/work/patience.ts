import { setMaxListeners } from 'node:events'
import { untilAborted } from '../until-aborted.js'
import { after } from '../timer.js'
import { type Backoff, backoffSeconds } from './backoff.js'

/** How long to wait for a remote that is away, in seconds: twice as long each time, and part chance. */
const defaultPauses: Backoff = { base: 1, max: 60, jitter: 0.5 }

/** A remote may ask for more than that, up to so many seconds. */
const longestAsked = 3600

/** What an error says of a remote. */
export interface Judgement {
  /** Of no use to anybody for now; failing with this request for now; or there, and of another opinion. */
  readonly remote: 'away' | 'failing' | 'there'
  /** When it wants to be asked again, in seconds from now, if it said so. */
  readonly retryAfter?: number | undefined
}

/** Who is told that a remote went away, and that it is back. */
export interface PatienceOptions {
  /** What an error says of the remote; undefined: nothing. */
  readonly judge: (error: unknown) => Judgement | undefined
  readonly onAway: (error: unknown) => void
  readonly onBack: () => void
  /** How long to wait after so many failures in a row. @defaultValue from a second to a minute */
  readonly pauses?: Backoff
}

/**
 * Keeps all who use a remote waiting while it is of no use: after each pause one of them tries it, and
 * the others wait for what comes of that.
 */
export class Patience implements Disposable {
  readonly #options: PatienceOptions
  /** How often in a row it was of no use. */
  #failures = 0
  #pausing = false
  #trying = false
  #told = false
  /** How often it came back. */
  #returns = 0
  #waiting: (() => void)[] = []
  #forgetPause = (): void => undefined

  constructor(options: PatienceOptions) {
    this.#options = options
  }

  /**
   * Does something with the remote, when it is there.
   *
   * @param signal - ends the wait
   * @throws what `act` throws; the reason of the signal
   */
  async run<T>(act: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#turn(signal)
    const begun = this.#returns
    try {
      const result = await act()
      this.#succeeded()
      return result
    } catch (error) {
      const judgement = this.#options.judge(error)
      // What was begun before an outage that is over, and waited in vain, says nothing of now.
      if (judgement === undefined || begun !== this.#returns) this.#givenBack()
      else if (judgement.remote === 'there') this.#succeeded()
      else this.#failed(error, judgement)
      throw error
    }
  }

  /** The remote went away, as is known without asking it. */
  lost(error: unknown): void {
    this.#failed(error, { remote: 'away' })
  }

  /** It may be back: whoever waits for the end of a pause need not wait any longer. */
  hurry(): void {
    if (!this.#pausing) return
    this.#forgetPause()
    this.#pausing = false
    this.#tell()
  }

  /** Forgets the pause; who waits still does. */
  [Symbol.dispose](): void {
    this.#forgetPause()
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    // So many may wait that Node.js would warn of it.
    if (signal !== undefined) setMaxListeners(0, signal)
    while (this.#pausing || this.#trying) {
      const changed = new Promise<void>((resolve) => this.#waiting.push(resolve))
      await untilAborted(changed, signal)
    }
    this.#trying = this.#failures > 0
  }

  #succeeded(): void {
    if (this.#pausing) return // It was begun before that.
    this.#failures = 0
    this.#givenBack()
    if (!this.#told) return
    this.#told = false
    this.#returns++
    this.#options.onBack()
  }

  #failed(error: unknown, { remote, retryAfter }: Judgement): void {
    if (this.#pausing) return
    this.#failures++
    this.#pausing = true
    const asked = Math.min(retryAfter ?? 0, longestAsked)
    const pause = backoffSeconds(this.#options.pauses ?? defaultPauses, this.#failures)
    this.#forgetPause = after(Math.max(asked, pause), () => {
      this.#pausing = false
      this.#tell()
    })
    this.#givenBack()
    if (remote !== 'away' || this.#told) return
    this.#told = true
    this.#options.onAway(error)
  }

  #givenBack(): void {
    this.#trying = false
    this.#tell()
  }

  #tell(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) go()
  }
}
