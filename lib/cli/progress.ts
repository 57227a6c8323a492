import type ProgressBar from 'progress'

/** Shows how far something has come. */
export interface Progress extends Disposable {
  /** So many of so many are done. */
  readonly show: (done: number, total: number) => void
}

/** A bar on the terminal at stderr, once there is more than a blink to wait for; it goes at the end. */
export async function progressBar(what: string): Promise<Progress> {
  const { default: Bar } = await import('progress')
  let bar: ProgressBar | undefined
  return {
    show(done, total) {
      bar ??= new Bar(`${what} [:bar] :percent :etas`, { total, clear: true, width: 40 })
      // To ask the time for each of a million would take longer than the bar may.
      if (done % every === 0 || done === total) bar.update(total === 0 ? 1 : done / total)
    },
    [Symbol.dispose]() {
      bar?.terminate()
    },
  }
}

/** After so many entries the bar may be drawn again; how often it is, it decides by the clock. */
const every = 1000
