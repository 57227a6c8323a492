import { batchesOf } from '../batches.js'
import { FsqError } from '../errors.js'
import type { Chosen } from './choose-entries.js'

/** What became of an item: its new name, if it was moved; or why it was not. */
export interface Acted {
  readonly id: string
  readonly newId?: string
  readonly error?: FsqError
}

/** How many items are on their way at the same time: they share the syncs of their directories. */
const inFlight = 64

/**
 * Moves items, some at a time, and tells what became of them in their order. One that cannot be moved
 * keeps none of the others from it.
 *
 * @param move - moves an entry, whose name is a byte string; its new name
 */
export async function* actOnEntries(
  chosen: AsyncIterable<Chosen>,
  move: (entry: string) => Promise<string | undefined>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Acted> {
  for await (const batch of batchesOf(chosen, inFlight, signal)) {
    yield* await Promise.all(
      batch.map(async (each): Promise<Acted> => {
        if ('error' in each) return each
        const { id, entry } = each
        try {
          const newId = await move(entry)
          return newId === undefined ? { id } : { id, newId }
        } catch (error) {
          if (error instanceof FsqError) return { id, error }
          throw error
        }
      }),
    )
  }
}
