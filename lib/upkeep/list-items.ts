import { FsqError } from '../errors.js'
import { checkMembers } from '../members.js'
import { fromByteString, toByteString } from '../name/charset.js'
import { longestName, type ParsedItemName, parseItemName } from '../name/item-name.js'
import type { Stats } from '../posix/files.js'
import { readLocks } from '../posix/locks.js'
import { statEntry } from '../posix/names.js'
import { entryPath, type Path } from '../posix/path.js'
import type { QueueContext } from '../queue/context.js'
import { listEntries } from '../queue/list-entries.js'
import { latest, notBefore } from '../queue/not-before.js'
import { printableName } from '../queue/printable.js'
import type { Queue } from '../root/queue.js'
import { isPathComponent } from '../settings.js'

/** The directory that an item is in. */
export type ItemState = 'queue' | 'done' | 'fail' | 'tmp'

/** Every {@link ItemState}, in the order in which they are listed. */
export const itemStates: readonly ItemState[] = ['queue', 'done', 'fail', 'tmp']

/** What is listed. */
export interface ListItemsOptions {
  /** The directories to list, one after the other. @defaultValue `['queue']` */
  readonly states?: readonly ItemState[]
}

const known: ReadonlySet<string> = new Set<keyof ListItemsOptions>(['states'])

/** An entry of a queue's directory, as it was when it was listed. */
export interface ListedItem {
  /** The queue. */
  readonly queue: string
  /** The directory that it is in. */
  readonly state: ItemState
  /** Its name; with \xNN for bytes that are not text. */
  readonly id: string
  /** Its name, byte for byte. */
  readonly raw: Buffer
  /** The size of the body in bytes. */
  readonly size: number
  /** Its mtime: when it was finished, for what is in done/ and fail/. */
  readonly modifiedAt: Date
  /** Before which time it is not worked on; only in queue/, and only where it waits for that. */
  readonly notBefore?: Date
  /** Whether somebody is working on it, as far as this machine can tell. */
  readonly locked: boolean
  /** What its name says; undefined where it is not that of a work-item. */
  readonly name: ParsedItemName | undefined
}

/**
 * The entries of a queue, each directory in the order of enqueueing. Entries that vanish meanwhile
 * are left out.
 *
 * @throws {@link FsqError} `FSQ_NO_QUEUE`, `FSQ_SCAN`
 */
export function* listItems(queue: Queue, options: ListItemsOptions = {}): Generator<ListedItem> {
  checkMembers('an option of listItems', options, known)
  const { context } = queue
  const lockOf = readLocks()
  for (const [state, entry] of entriesOf(queue, options)) {
    const stat = statEntry(entryPath(context.paths[state], entry))
    if (stat === undefined) continue
    yield listedItem(context, state, entry, {
      stat,
      locked: lockOf(stat, context.paths.directory) !== undefined,
    })
  }
}

/** What is known of an entry by its name and by what lstat(2) says of it. */
export function listedItem(
  { name: queue, reading, clock }: QueueContext,
  state: ItemState,
  entry: string,
  { stat, locked }: { readonly stat: Stats; readonly locked: boolean },
): ListedItem {
  const time = state === 'queue' ? notBefore(stat, clock.now()) : undefined
  return {
    queue,
    state,
    id: printableName(entry, reading.charset),
    raw: Buffer.from(entry, 'latin1'),
    size: stat.size,
    modifiedAt: new Date(Math.min(stat.mtimeMs, latest)),
    ...(time === undefined ? {} : { notBefore: new Date(time) }),
    locked,
    name: nameOf(reading, entry),
  }
}

/** The names alone, as byte strings, with the directory that each is in. */
export function* entriesOf(
  queue: Queue,
  { states = ['queue'] }: ListItemsOptions,
): Generator<[ItemState, string]> {
  const { context } = queue
  for (const state of states) {
    if (!itemStates.includes(state)) throw new TypeError(`Expected a state, got ${state as string}`)
    for (const entry of listEntries(context, context.paths[state])) yield [state, entry]
  }
}

/** What the name of an entry says; undefined where it is not that of a work-item. */
export function nameOf(
  reading: QueueContext['reading'],
  entry: string,
): ParsedItemName | undefined {
  try {
    return parseItemName(fromByteString(entry, reading.charset), reading)
  } catch (error) {
    if (error instanceof FsqError) return undefined
    throw error
  }
}

/** The path of an item by its name, in the first of the states that has it. */
export function locateItem(
  queue: Queue,
  id: string,
  states: readonly ItemState[],
): Path | undefined {
  const { context } = queue
  if (!isPathComponent(id)) return undefined
  const entry = toByteString(id, context.reading.charset)
  if (entry.length > longestName) return undefined
  return states
    .map((state) => entryPath(context.paths[state], entry))
    .find((path) => statEntry(path) !== undefined)
}
