import { FsqError } from '../../errors.js'
import type { Body } from '../../queue/body.js'
import type { Queue } from '../../root/queue.js'
import { Slots } from './slots.js'

/** How many items of JSON-RPC calls are written at a time: each has files open. */
const atATime = 64

/** Takes items into queues. */
export class Enqueues {
  readonly #trigger: boolean
  readonly #onTrouble: (error: unknown) => void
  readonly #slots = new Slots(atATime)

  constructor(trigger: boolean, onTrouble: (error: unknown) => void) {
    this.#trigger = trigger
    this.#onTrouble = onTrouble
  }

  /** {@link Queue.receive}; then it pulls the trigger of the queue, if asked to. */
  async take(queue: Queue, id: string, body: Body): Promise<boolean> {
    const added = await queue.receive(id, body)
    if (this.#trigger) await this.#pull(queue)
    return added
  }

  /** The same, when there are few enough of them under way. */
  async takeInTurn(queue: Queue, id: string, body: Body): Promise<boolean> {
    return this.#slots.run(() => this.take(queue, id, body))
  }

  /** The item is in, whatever comes of this. */
  async #pull(queue: Queue): Promise<void> {
    try {
      await queue.triggerPull({ ignoreListener: true })
    } catch (error) {
      const isMissing = error instanceof FsqError && error.code === 'FSQ_NO_TRIGGER'
      if (!isMissing) this.#onTrouble(error)
    }
  }
}
