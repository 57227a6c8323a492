import { FsqError } from '../errors.js'
import { fromByteString } from '../name/charset.js'
import { parseItemName } from '../name/item-name.js'
import type { PinnedDirectory, Stats } from '../posix/files.js'
import { statEntry } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { Pinned } from './examine.js'
import { ageOf, type Examination, type Found, found } from './finding.js'
import type { ItemState } from './list-items.js'

/** An entry that is looked at. */
export interface Entry {
  readonly examination: Examination
  readonly directory: PinnedDirectory
  /** Its name, as a byte string. */
  readonly entry: string
  readonly stat: Stats
  /** Whether the items of its directory may be good by other settings. */
  readonly foreign: boolean
}

/** A directory has several links of its own accord. */
export function hasSeveralNames(stat: Pick<Stats, 'isFile' | 'nlink'>): boolean {
  return stat.isFile() && stat.nlink > 1
}

/** What is wrong with its name, if anything is. */
export function nameError(
  { context: { reading } }: Examination,
  entry: string,
): string | undefined {
  try {
    parseItemName(fromByteString(entry, reading.charset), reading)
    return undefined
  } catch (error) {
    if (error instanceof FsqError) return error.message
    throw error
  }
}

/** Two items of one name are never made into one: which of them counts is not ours to say. */
export function* sameName(
  { examination, entry, stat }: Entry,
  pinned: Pinned,
  others: readonly ItemState[],
  state: ItemState,
): Generator<Found> {
  for (const other of others) {
    const directory = pinned.get(other)
    if (directory === undefined) continue
    const there = statEntry(entryPath(directory.path, entry))
    if (there === undefined || (there.ino === stat.ino && there.dev === stat.dev)) continue
    yield found(examination, {
      kind: 'same-name',
      state,
      entry,
      age: ageOf(examination, stat),
      reason:
        `another item of that name is in ${other}/; both are kept: ` +
        (state === 'queue'
          ? 'leave this one to be worked on, or remove it'
          : 'leave them so, or remove the one that is wrong'),
    })
  }
}
