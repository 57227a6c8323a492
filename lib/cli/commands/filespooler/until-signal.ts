import { type CaughtSignals, catchSignals } from '../../../work/signals.js'

/**
 * Does something that a signal asks to end: at the first signal its own aborts, with the name of the signal
 * as the reason, and once it has ended because of that, this process dies of the signal, as without us. So
 * it does at the second.
 */
export async function untilSignal<T>(
  act: (signal: AbortSignal, askedToo: CaughtSignals['askedToo']) => Promise<T>,
): Promise<T> {
  const end = new AbortController()
  using signals = catchSignals((name) => {
    end.abort(name)
  })
  signals.again.addEventListener('abort', signals.die)
  try {
    return await act(end.signal, signals.askedToo)
  } catch (error) {
    if (signals.caught !== undefined && error === end.signal.reason) signals.die()
    throw error
  }
}
