import type { Patience } from '../../work/patience.js'
import type { Delivery, Engine, Pull, Source } from './engine.js'
import { isAway } from './nats-error.js'

/** What an intake has to do with. */
export interface IntakeOptions {
  readonly engine: Engine
  readonly source: Source
  /** How long what is asked for is waited for, in seconds. */
  readonly seconds: number
  readonly patience: Patience
  readonly ending: AbortSignal
  /** Something has come, and is the next. */
  readonly onDelivery: () => void
  /** Something that was asked for is not going to come. */
  readonly onLapse: () => void
}

/**
 * What was asked for, and what has come and is not begun yet: more is asked for while the last is still being landed,
 * so that nobody waits for the way to the servers and back.
 */
export class Intake {
  readonly #options: IntakeOptions
  #ahead: Delivery[] = []
  #pull: Pull | undefined
  readonly #ends = new Set<Promise<void>>()
  #failed: { readonly error: unknown } | undefined
  /** How many pulls in a row ended with an error. */
  #failures = 0
  #behind: number | undefined

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /** How many may still come. */
  get asked(): number {
    return this.#pull?.asked ?? 0
  }

  /** What has come, and was not begun. */
  get ahead(): readonly Delivery[] {
    return this.#ahead
  }

  /** How many wait that were not asked for, if that is known: others may get them meanwhile. */
  get behind(): number | undefined {
    return this.#behind
  }

  /** Finds out how many wait that were not asked for, while none is asked for. */
  async look(): Promise<number> {
    const { engine, source, patience, ending } = this.#options
    const { waiting } = await patience.run(() => engine.source(source), ending)
    this.#behind = waiting
    return waiting
  }

  /**
   * Asks for so many.
   *
   * @param mayAsk - whether that is still wanted, when the servers can be asked
   */
  async ask(count: number, mayAsk: () => boolean): Promise<void> {
    const { patience, ending } = this.#options
    await this.#recover()
    this.#pull ??= await patience.run(() => this.#open(), ending)
    if (!mayAsk()) return
    this.#behind = this.#behind === undefined ? undefined : Math.max(0, this.#behind - count)
    this.#pull.ask(count)
  }

  /** What is to be begun next. */
  next(): Delivery | undefined {
    return this.#ahead.shift()
  }

  /**
   * Takes no more, and gives back what was not begun.
   *
   * @returns how many were given back; what is still on its way comes as ever
   */
  stop(): number {
    const ahead = this.#ahead
    this.#ahead = []
    for (const delivery of ahead) delivery.giveBack(0)
    const pull = this.#pull
    this.#pull = undefined
    this.#behind = undefined
    if (pull !== undefined) {
      const end = pull.end().finally(() => this.#ends.delete(end))
      this.#ends.add(end)
    }
    return ahead.length
  }

  /** Resolves when nothing can come any more, once it was stopped. */
  async stopped(): Promise<void> {
    await Promise.all(this.#ends)
  }

  async #open(): Promise<Pull> {
    const { engine, source, seconds, onDelivery, onLapse } = this.#options
    const opened: Pull = await engine.pull(source, seconds, {
      onDelivery: (delivery) => {
        this.#failures = 0
        this.#behind = Math.max(0, delivery.behind - this.asked)
        this.#ahead.push(delivery)
        onDelivery()
      },
      onLapse: () => {
        this.#failures = 0
        this.#behind = undefined
        onLapse()
      },
      onEnd: (error) => {
        if (this.#pull !== undefined && this.#pull !== opened) return
        if (error !== undefined) this.#failed = { error }
        this.#pull = undefined
        this.#behind = undefined
        onLapse()
      },
    })
    return opened
  }

  /** One that only forgot the pull is asked again at once. One that goes on to refuse it is away. */
  async #recover(): Promise<void> {
    const { engine, source, patience, ending } = this.#options
    const failed = this.#failed
    this.#failed = undefined
    if (failed === undefined) return
    if (!isAway(failed.error)) throw failed.error
    if (++this.#failures > 1) patience.lost(failed.error)
    await patience.run(() => engine.source(source), ending)
  }
}
