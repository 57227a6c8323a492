import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { deferred } from '../../deferred.js'
import { FsqError } from '../../errors.js'
import type { Hold, KeyValues } from '../../key-values.js'

/*
 * A server has one service: two of one name would each take the jobs of the other for those of a life of their own that is
 * over. So a service holds the name of its server. It loses that when the store is away for longer than a moment, and
 * takes it again as soon as the store is back, unless another service was faster.
 */

/** How long the name of a service that was killed may still be held, in seconds: JetStream frees it by time. */
const nameIsFree = 8

/** How often it is looked whether it is held, in seconds. */
const again = 1

/** See above. */
export class ServerName implements Disposable {
  readonly #keyValues: KeyValues
  readonly #server: string
  readonly #taken = deferred<FsqError>()
  readonly #timer: NodeJS.Timeout
  #hold: Hold
  #isChecking = false
  /** For how long the store has said that somebody has it, in seconds: at first it may be our own hold that we lost. */
  #refused = 0
  #isOver = false

  private constructor(keyValues: KeyValues, server: string, hold: Hold) {
    this.#keyValues = keyValues
    this.#server = server
    this.#hold = hold
    this.#timer = setInterval(() => {
      if (!this.#isChecking) void this.#check()
    }, again * 1000)
  }

  /**
   * Waits for a while where another has it.
   *
   * @returns undefined where `signal` aborted meanwhile
   * @throws `FsqError` `FSQ_NXQUEUE` where another has it
   */
  static async hold(
    keyValues: KeyValues,
    server: string,
    signal?: AbortSignal,
  ): Promise<ServerName | undefined> {
    for (let waited = 0; ; waited += 0.5) {
      const hold = await keyValues.hold(nameOf(server), server)
      if (hold !== undefined) return new ServerName(keyValues, server, hold)
      if (signal?.aborted === true) return undefined
      if (waited >= nameIsFree) throw taken(server)
      await sleep(500, undefined, { signal }).catch(() => undefined) // It aborted.
    }
  }

  /** Resolves when another has it by now. */
  get taken(): Promise<FsqError> {
    return this.#taken.promise
  }

  [Symbol.dispose](): void {
    this.#end()
    this.#hold[Symbol.dispose]()
  }

  #end(): void {
    this.#isOver = true
    clearInterval(this.#timer)
  }

  async #check(): Promise<void> {
    this.#isChecking = true
    try {
      if (this.#hold.isHeld()) return
      this.#hold[Symbol.dispose]()
      const hold = await this.#keyValues.hold(nameOf(this.#server), this.#server)
      this.#refused = hold === undefined ? this.#refused + again : 0
      if (hold !== undefined) this.#hold = hold
      if (this.#isOver) hold?.[Symbol.dispose]()
      else if (this.#refused > nameIsFree) {
        this.#end()
        this.#taken.resolve(taken(this.#server))
      }
    } catch {
      // The store is away, as others tell: nobody else can take it there either.
    } finally {
      this.#isChecking = false
    }
  }
}

function nameOf(server: string): string {
  return `server-${createHash('sha256').update(server).digest('hex').slice(0, 16)}`
}

function taken(server: string): FsqError {
  return new FsqError('FSQ_NXQUEUE', `another service serves ${server}: end that first`)
}
