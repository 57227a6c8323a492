import { FsqError } from '../errors.js'
import { fromByteString, toByteString } from '../name/charset.js'
import { parseItemName } from '../name/item-name.js'
import { statEntry } from '../posix/names.js'
import { entryPath } from '../posix/path.js'
import type { QueueContext } from '../queue/context.js'
import { listEntries } from '../queue/list-entries.js'
import { printableName } from '../queue/printable.js'
import { isPathComponent } from '../settings.js'
import { turn } from '../turn.js'
import { isFinishedBy } from './finished-at.js'
import type { ItemState } from './list-items.js'

/** Which items are meant. */
export interface Choice {
  /** Those of these names, whatever else is asked for. @defaultValue all */
  readonly ids?: Iterable<string> | AsyncIterable<string> | undefined
  /**
   * Those whose name, or one of whose arguments, this glob(7) pattern matches as a whole: `*` matches
   * slashes and a dot at the start too, and there are `?`, `[a-z]` and `{a,b}`.
   *
   * @defaultValue all
   */
  readonly match?: string | undefined
  /** Those that have been where they are for so long, in seconds. @defaultValue 0 */
  readonly olderThan?: number | undefined
  /** The time from which age counts. @defaultValue now */
  readonly now?: Date | undefined
}

/** An item that is chosen: its name as it is printed, and as a byte string, or why it has none. */
export type Chosen =
  | { readonly id: string; readonly entry: string }
  | { readonly id: string; readonly error: FsqError }

/**
 * The entries of a directory that are chosen: those of names in the order of the names, the others in
 * the order of enqueueing.
 *
 * @throws {@link FsqError} `FSQ_NO_QUEUE`, `FSQ_SCAN`
 */
export async function* chooseEntries(
  context: QueueContext,
  state: ItemState,
  { ids, match, olderThan = 0, now = new Date(context.clock.now()) }: Choice,
): AsyncGenerator<Chosen> {
  if (!(olderThan >= 0)) throw new TypeError(`Expected \`olderThan\` in seconds, got ${olderThan}`)
  if (ids !== undefined) {
    for await (const id of ids) yield named(context, id)
    return
  }
  const directory = context.paths[state]
  const limit = now.getTime() - olderThan * 1000
  const matches = match === undefined ? undefined : await matcher(context, match)
  for (const entry of listEntries(context, directory)) {
    await turn()
    if (matches?.(entry) === false) continue
    if (olderThan > 0) {
      const stat = statEntry(entryPath(directory, entry))
      if (stat === undefined || !isFinishedBy(limit, stat)) continue
    }
    yield { id: printableName(entry, context.reading.charset), entry }
  }
}

/** The item of that name, which must not lead to files elsewhere. */
function named({ name, reading }: QueueContext, id: string): Chosen {
  if (typeof id !== 'string')
    throw new TypeError(`Expected the name of an item to be a string, got ${typeof id}`)
  if (!isPathComponent(id)) {
    const message = `illegal item name: ${JSON.stringify(id)}`
    return { id, error: new FsqError('FSQ_PATH', message, { queue: name, id }) }
  }
  try {
    return { id, entry: toByteString(id, reading.charset) }
  } catch (error) {
    if (error instanceof FsqError) return { id, error }
    throw error
  }
}

/** Names and arguments are no paths: a slash is a character, and a dot hides nothing. */
const globOptions = { bash: true, dot: true, nonegate: true, noextglob: true, flags: 's' } as const

async function matcher(
  { reading }: QueueContext,
  pattern: string,
): Promise<(entry: string) => boolean> {
  const { default: picomatch } = await import('picomatch')
  const isMatch = picomatch(pattern, globOptions)
  const argumentsOf = (entry: string): readonly string[] => {
    try {
      return parseItemName(fromByteString(entry, reading.charset), reading).arguments
    } catch (error) {
      if (error instanceof FsqError) return []
      throw error
    }
  }
  return (entry) =>
    isMatch(printableName(entry, reading.charset)) ||
    argumentsOf(entry).some((each) => isMatch(each))
}
