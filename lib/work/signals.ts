import { constants } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { Ended, Running } from '../posix/program.js'

/** The signals by which a person, a terminal or a system asks a program to end. */
const asking = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Passes the signals that this process gets on to the program that runs for it. */
export interface SignalPass extends Disposable {
  /** The first signal that came; none yet while undefined. */
  readonly caught: NodeJS.Signals | undefined
  /** Aborts at the first signal, to end what waits. */
  readonly signal: AbortSignal
  /**
   * Waits a moment for a signal that must be on its way: a terminal sends Ctrl-C to the program and
   * to us alike, and the news of the program's death may overtake it.
   */
  settle(ended: Ended): Promise<void>
  /** From now on signals go to this program, until another takes its place. */
  passTo(running: Running | undefined): void
}

/** How long a signal may be on its way, in milliseconds. */
const settleTime = 100

/** Whether a program ended by such a signal, or with the exit status that a shell makes of one. */
function endedAsAsked(ended: Ended): boolean {
  if ('signal' in ended) return asking.some((signal) => signal === ended.signal)
  return 'code' in ended && asking.some((signal) => ended.code === 128 + constants.signals[signal])
}

/** Catches signals until it is disposed of; then they do again what they did before. */
export function passSignals(): SignalPass {
  const controller = new AbortController()
  let caught: NodeJS.Signals | undefined
  let target: Running | undefined
  const pass = (signal: NodeJS.Signals): void => {
    caught ??= signal
    target?.kill(signal)
    controller.abort()
  }
  for (const signal of asking) process.on(signal, pass)
  return {
    get caught() {
      return caught
    },
    signal: controller.signal,
    async settle(ended) {
      if (caught !== undefined || !endedAsAsked(ended)) return
      // A timer that keeps this process alive, which AbortSignal.timeout does not.
      const { signal } = controller
      await setTimeout(settleTime, undefined, { signal }).catch(() => undefined)
    },
    passTo(running) {
      target = running
    },
    [Symbol.dispose]() {
      for (const signal of asking) process.removeListener(signal, pass)
    },
  }
}
