import { setTimeout } from 'node:timers/promises'
import { FsqError } from '../../errors.js'
import { Patience } from '../../work/patience.js'
import type { Engine, Source, SourceInfo } from './engine.js'
import type { NatsAwayEvent } from './events.js'
import { isAway, judge, NatsError } from './nats-error.js'

/** How long to wait before the servers are asked again, in seconds. */
const pauses = { base: 0.25, max: 10, jitter: 0.5 }

/**
 * Patience with an engine, which is also known to be away when its connection is lost, and told to be back
 * as soon as it is, whether or not anybody needs it.
 *
 * @param fail - is called where it comes back otherwise than it went: where it does not let us in any more
 */
export function patienceWith(
  engine: Engine,
  tell: (event: NatsAwayEvent) => void,
  fail: (error: unknown) => void,
): Patience & Disposable {
  const ending = new AbortController()
  const patience = new Patience({
    judge,
    pauses,
    onAway: (error) => {
      if (error instanceof FsqError) tell({ type: 'away', error })
    },
    onBack: () => {
      tell({ type: 'back' })
    },
  })
  const ask = askWith(patience, ending.signal)
  const lookFor = async (): Promise<void> => {
    try {
      await ask(() => engine.largestBody())
    } catch (error) {
      if (!ending.signal.aborted) fail(error)
    }
  }
  const link = engine.onLink((lost) => {
    if (lost === undefined) patience.hurry()
    else {
      patience.lost(lost)
      void lookFor()
    }
  })
  const forget = patience[Symbol.dispose].bind(patience)
  return Object.assign(patience, {
    [Symbol.dispose]: () => {
      link[Symbol.dispose]()
      ending.abort()
      forget()
    },
  })
}

/** Asks the engine; while it is away it is waited for. */
export type Ask = <T>(act: () => Promise<T>) => Promise<T>

/**
 * Who asks with patience, until the signal ends it.
 *
 * @param isPassing - tells what is waited for. @defaultValue that the engine is away
 */
export function askWith(patience: Patience, ending: AbortSignal, isPassing = isAway): Ask {
  return async (act) => {
    for (;;) {
      try {
        return await patience.run(act, ending)
      } catch (error) {
        if (ending.aborted || !isPassing(error)) throw error
      }
    }
  }
}

/** How often what setup makes is looked for: servers that start do not know all of it at once. */
const looks = 3

/** Between two looks, in milliseconds. */
const lookAgain = 500

/**
 * What there is to know of a source, as soon as the servers are there.
 *
 * @returns undefined where the signal ended it
 * @throws {@link NatsError} for what is missing, or not allowed
 */
export async function sourceOnceThere(
  engine: Engine,
  source: Source,
  patience: Patience,
  signal: AbortSignal,
): Promise<SourceInfo | undefined> {
  for (let missed = 0; ;) {
    try {
      return await patience.run(() => engine.source(source), signal)
    } catch (error) {
      if (signal.aborted) return undefined
      if (isAway(error)) continue
      const isMissing = error instanceof NatsError && error.trouble === 'setup'
      if (!isMissing || ++missed === looks) throw error
      await setTimeout(lookAgain)
    }
  }
}
