import { fromByteString } from '../../name/charset.js'
import { parseItemName } from '../../name/item-name.js'
import type { QueueContext } from '../../queue/context.js'
import type { Queue } from '../../root/queue.js'
import { watchDirectory } from '../../posix/watch.js'
import { after } from '../../timer.js'
import { Wake } from '../../work/wake.js'

/**
 * Whether that is the name of an item that failed before. Such a one came by our own doing, and waits for its
 * time; it must not make us try it at once.
 */
function wasTried({ reading }: QueueContext, entry: string): boolean {
  try {
    return parseItemName(fromByteString(entry, reading.charset), reading).tries > 0
  } catch {
    return false
  }
}

/** Tells when something came into one of several queues or directories, or when it is time to look in any case. */
export class Changes implements Disposable {
  readonly #wakes: readonly Wake[]
  readonly #watches: readonly Disposable[]
  readonly #sweep: number
  #forget = (): void => undefined
  #changed = false
  #tell: () => void = () => undefined

  /**
   * @param directories - of which each change is news, too
   * @param sweep - in seconds
   */
  constructor(queues: readonly Queue[], directories: readonly string[], sweep: number) {
    this.#sweep = sweep
    const onChange = (): void => {
      this.#changed = true
      this.#tell()
    }
    this.#watches = directories.map((path) => watchDirectory(path, onChange, () => undefined))
    this.#wakes = queues.map(({ context }) => {
      const onWork = (entry?: string): void => {
        if (entry !== undefined && wasTried(context, entry)) return
        onChange()
      }
      return new Wake(context, { onWork, onError: () => undefined })
    })
  }

  /** What comes from now on is news. Before it is looked what is there. */
  begin(): void {
    this.#changed = false
    for (const wake of this.#wakes) wake.check()
  }

  /**
   * Resolves when something came since, or the sweep is over.
   *
   * @param within - seconds after which it does in any case
   */
  async next(within = Infinity): Promise<void> {
    if (this.#changed) return
    await new Promise<void>((resolve) => {
      this.#tell = resolve
      this.#forget = after(Math.min(this.#sweep, within), resolve)
    })
    this.#forget()
  }

  /** Ends the listening. */
  [Symbol.dispose](): void {
    this.#forget()
    for (const each of [...this.#wakes, ...this.#watches]) each[Symbol.dispose]()
  }
}
