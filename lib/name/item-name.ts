import { FsqError } from '../errors.js'
import { type Charset, toByteString } from './charset.js'
import { constructName } from './construct.js'
import { firstCharacter, splitName } from './deconstruct.js'
import { nameRules, type NameRules } from './options.js'
import type { Timestamps } from './timestamp.js'

/** The fields of a work-item's name (fsq(7)). */
export interface ItemName {
  /** The delimiter of the name. */
  readonly delimiter: string
  /** The timestamp as it stands in the name. */
  readonly timestamp: string
  /** Tells apart the items that one process enqueued in the same second. */
  readonly entropy: string
  /** The process that enqueued the item. */
  readonly pid: string
  /** The host on which the item was enqueued. */
  readonly hostname: string
  /** How often the item failed temporarily. */
  readonly tries: number
  /** The arguments of the item. */
  readonly arguments: readonly string[]
}

/** The fields of a name that was read. */
export interface ParsedItemName extends ItemName {
  /** The time that the timestamp means. */
  readonly enqueuedAt: Date
}

/** NAME_MAX of Linux and the BSDs: the longest file name, in bytes. */
export const longestName = 255

/**
 * Writes the name of a work-item, with the delimiter of the rules.
 *
 * @throws {@link FsqError} `FSQ_NAME_TOO_LONG`, or `FSQ_COERCE` where a field cannot be written in
 * the charset.
 */
export function formatItemName(fields: Omit<ItemName, 'delimiter'>, rules: NameRules): string {
  const { timestamp, entropy, pid, hostname, tries } = fields
  const name = constructName(
    [timestamp, entropy, pid, hostname, String(tries), ...fields.arguments],
    rules,
  )
  checkLength(name, rules.charset)
  return name
}

/**
 * @throws {@link FsqError} `FSQ_NAME_TOO_LONG`, or `FSQ_COERCE` where the charset cannot write it.
 */
export function checkLength(name: string, charset: Charset): void {
  const { length } = toByteString(name, charset)
  if (length <= longestName) return
  throw new FsqError(
    'FSQ_NAME_TOO_LONG',
    `the name of the item would be ${length} bytes long, and a file name has at most ` +
      `${longestName}: put large arguments into the body`,
    { id: name },
  )
}

/** How names of items are read. */
export interface ItemNameRules {
  /** Begins an escape. */
  readonly encode: string
  /** The charset of the escapes. */
  readonly charset: Charset
  /** The format of the timestamp. */
  readonly timestamps: Timestamps
}

/**
 * Reads the name of a work-item.
 *
 * @throws {@link FsqError} `FSQ_MALFORMED`, `FSQ_ENCODE`, `FSQ_COERCE` or `FSQ_TIMEFMT` for what is
 * not the name of a work-item.
 */
export function parseItemName(
  name: string,
  { encode, charset, timestamps }: ItemNameRules,
): ParsedItemName {
  const delimiter = firstCharacter(name)
  // `_`, with which nearly all names begin, needs no look unless it is the encode character.
  if (delimiter !== '_' || encode === '_') nameRules({ delimiter, encode })
  const fields = splitName(name, { delimiter, encode, charset })
  const [timestamp, entropy, pid, hostname, tries, ...args] = fields
  if (
    timestamp === undefined ||
    entropy === undefined ||
    pid === undefined ||
    hostname === undefined ||
    tries === undefined
  ) {
    const count = String(fields.length)
    throw new FsqError('FSQ_MALFORMED', `the name has ${count} of the 5 fields that it needs`)
  }
  if (!/^[0-9]+$/.test(tries) || !Number.isSafeInteger(Number(tries))) {
    const got = JSON.stringify(tries)
    throw new FsqError('FSQ_MALFORMED', `tries is not a whole number: ${got}`)
  }
  return {
    delimiter,
    timestamp,
    entropy,
    pid,
    hostname,
    tries: Number(tries),
    arguments: args,
    enqueuedAt: timestamps.parse(timestamp),
  }
}
