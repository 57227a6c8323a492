import { setTimeout } from 'node:timers/promises'
import { longestTimer } from '../timer.js'
import { catchSignals } from '../work/signals.js'
import { clip } from './columns.js'
import { canDraw, Screen } from './screen.js'

/** How long to wait between two rounds where nobody says, in seconds, as watch(1) does. */
export const defaultInterval = 2

/** Waits for the next round, for so many seconds, or as long as a timer can: an abort rejects. */
export async function pause(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(Math.min(seconds * 1000, longestTimer), undefined, { signal })
}

/** What is shown again and again. */
export interface Watched {
  /** How long to wait between two rounds, in seconds. */
  readonly interval: number
  /** Whether a terminal is drawn on, if there is one. */
  readonly toScreen: boolean
  /** Makes the lines of a round. */
  readonly lines: (signal?: AbortSignal) => Promise<readonly string[]>
  /** Whether a signal ends us only between two rounds, so that none is printed in part. */
  readonly whole: boolean
  /** Prints the lines of a round where there is no screen. */
  readonly print: (lines: readonly string[]) => Promise<void>
}

/**
 * Shows the lines in place on a terminal until q is pressed; elsewhere prints them each time, until
 * somebody ends us.
 */
export async function watch(watched: Watched): Promise<void> {
  if (watched.toScreen && canDraw()) await watchOnScreen(watched)
  else if (watched.whole) await watchUntilSignal(watched)
  else await watchForEver(watched)
}

async function watchForEver({ interval, lines, print }: Watched, end?: AbortSignal): Promise<void> {
  for (;;) {
    await print(await lines(end))
    await pause(interval, end)
  }
}

/** As without it, dies by the signal in the end; else its parent would take it as success. */
async function watchUntilSignal(watched: Watched): Promise<void> {
  using signals = catchSignals()
  try {
    await watchForEver(watched, signals.signal)
  } catch (error) {
    if (signals.caught === undefined) throw error
    signals.die()
  }
}

async function watchOnScreen({ interval, lines }: Watched): Promise<void> {
  const quit = new AbortController()
  const { signal } = quit
  let shown: readonly string[] = []
  using screen = new Screen({
    onKey(key) {
      if (key === 'q' || key === 'escape') quit.abort()
    },
    onRedraw() {
      draw()
    },
  })
  const draw = (): void => {
    screen.draw(fitted(shown, screen.rows).map((line) => clip(line, screen.columns)))
  }
  try {
    while (!signal.aborted) {
      shown = await lines(signal)
      draw()
      await pause(interval, signal)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Those for which there is room, and how many there are besides. */
export function fitted(lines: readonly string[], rows: number): readonly string[] {
  if (lines.length <= rows) return lines
  const room = Math.max(0, rows - 1)
  return [...lines.slice(0, room), `... and ${lines.length - room} more lines`]
}
