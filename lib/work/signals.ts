import { constants } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { Ended } from '../posix/program.js'

/** The signals by which a person, a terminal or a system asks a program to end. */
const asking = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The signals by which this process is asked to end. */
export interface CaughtSignals extends Disposable {
  /** The first signal that came; none yet while undefined. */
  readonly caught: NodeJS.Signals | undefined
  /** Aborts at the first signal, to end what waits. */
  readonly signal: AbortSignal
  /** Aborts at the second, by which somebody says that it takes too long. */
  readonly again: AbortSignal
  /**
   * Whether a program ended as it did since somebody asked it and us to end. Waits a moment for a signal
   * that must be on its way: a terminal sends Ctrl-C, and systemd its SIGTERM, to the program and to us
   * alike, and the news of the program's death may overtake it.
   */
  readonly askedToo: (ended: Ended) => Promise<boolean>
  /** Dies by the signal that was caught, as without us: a parent would take any status for an end. */
  readonly die: () => void
}

/** How long a signal may be on its way, in milliseconds. */
const settleTime = 100

/** Whether a program ended by such a signal, or with the exit status that a shell makes of one. */
function endedAsAsked(ended: Ended): boolean {
  if ('signal' in ended) return asking.some((signal) => signal === ended.signal)
  return 'code' in ended && asking.some((signal) => ended.code === 128 + constants.signals[signal])
}

/** Catches signals until it is disposed of; then they do again what they did before. */
export function catchSignals(
  onSignal: (signal: NodeJS.Signals) => void = () => undefined,
): CaughtSignals {
  const controller = new AbortController()
  const again = new AbortController()
  let caught: NodeJS.Signals | undefined
  const listener = (signal: NodeJS.Signals): void => {
    if (caught !== undefined) again.abort()
    caught ??= signal
    controller.abort()
    onSignal(signal)
  }
  for (const signal of asking) process.on(signal, listener)
  return {
    get caught() {
      return caught
    },
    signal: controller.signal,
    again: again.signal,
    askedToo: async (ended) => {
      if (!endedAsAsked(ended)) return false
      // A timer that keeps this process alive, which AbortSignal.timeout does not.
      const { signal } = controller
      await setTimeout(settleTime, undefined, { signal }).catch(() => undefined)
      return signal.aborted
    },
    die() {
      release()
      if (caught !== undefined) process.kill(process.pid, caught)
    },
    [Symbol.dispose]: release,
  }

  function release(): void {
    for (const signal of asking) process.removeListener(signal, listener)
  }
}
