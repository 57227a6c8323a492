import { checkMembers } from '../members.js'
import type { QueueContext } from '../queue/context.js'
import { resolveLimits } from '../queue/finish.js'
import { hostChoice } from '../queue/hosts.js'
import { checkGapTimeout } from '../queue/in-order.js'
import type { ScanOptions } from '../queue/scan.js'
import { type Backoff, backoffSeconds, checkBackoff } from './backoff.js'
import type { FeedOptions, UnclaimedItem } from './feed.js'

/** How much is worked on at a time, and how long it may take; what scanning and working share. */
export interface LoadOptions extends Pick<
  ScanOptions,
  'host' | 'hosts' | 'ignoreDown' | 'lock' | 'noOpen' | 'maxTries' | 'ttl' | 'gapTimeout'
> {
  /**
   * Work on the items of a queue in the order of their numbers ({@link EnqueueOptions.ordered}): on one at a
   * time, whatever the `concurrency`, and on the next only when that is done, or failed permanently. Where
   * an item has not come although items behind it have, they wait, and a `waiting` event says so. One at a
   * time can work on a queue in order; others stand by.
   *
   * @defaultValue false
   */
  readonly ordered?: boolean
  /**
   * Work on items before their time ({@link EnqueueOptions.notBefore}) too, as who only passes them on does.
   *
   * @defaultValue false
   */
  readonly early?: boolean
  /** How many items are worked on at a time. @defaultValue 1 */
  readonly concurrency?: number
  /** How many items a second are begun at most, 0 for any number. @defaultValue 0 */
  readonly maxRate?: number
  /**
   * The key of an item, such as the customer or the host that it is for; undefined for none. At most
   * `limitConcurrency` items of one key are worked on at a time by this worker, and at most `limitRate`
   * a second are begun; items of other keys go before those that have to wait.
   *
   * @defaultValue no item has a key
   */
  readonly limitKey?: (item: UnclaimedItem) => string | undefined
  /** How many items of one key are worked on at a time. @defaultValue 1 */
  readonly limitConcurrency?: number
  /** How many items of one key are begun a second, 0 for any number. @defaultValue 0 */
  readonly limitRate?: number
  /**
   * How long the work on an item may take, in seconds, 0 for ever. Then it is asked to end, and after
   * `grace` ended; that is a temporary failure.
   *
   * @defaultValue 0
   */
  readonly timeout?: number
  /** How long work that was asked to end has for that, in seconds. @defaultValue 10 */
  readonly grace?: number
}

/** Their names. */
export const loadOptions: readonly (keyof LoadOptions)[] = [
  ...hostChoice,
  'ignoreDown',
  'lock',
  'noOpen',
  'maxTries',
  'ttl',
  'gapTimeout',
  'ordered',
  'early',
  'concurrency',
  'maxRate',
  'limitKey',
  'limitConcurrency',
  'limitRate',
  'timeout',
  'grace',
]

/** The load with its defaults, checked. */
export interface Load {
  readonly concurrency: number
  readonly maxRate: number
  readonly limitConcurrency: number
  readonly limitRate: number
  readonly timeout: number
  readonly grace: number
}

/** @throws `TypeError` for an option of the wrong form, or one that there is not. */
export function checkedLoad(options: LoadOptions, known: ReadonlySet<string>): Load {
  checkMembers('an option of work', options, known)
  const { concurrency = 1, maxRate = 0, limitConcurrency = 1, limitRate = 0 } = options
  const { timeout = 0, grace = 10 } = options
  const { limitKey } = options
  if (limitKey !== undefined && typeof limitKey !== 'function')
    throw new TypeError(`Expected \`limitKey\` to be a function, got ${typeof limitKey}`)
  const { ordered = false, gapTimeout } = options
  checkGapTimeout(gapTimeout, ordered)
  if (ordered && limitKey !== undefined)
    throw new TypeError(
      'Expected no `limitKey` beside `ordered`: the next item is the next, whatever its key',
    )
  wholeNumber('concurrency', concurrency, 1)
  wholeNumber('limitConcurrency', limitConcurrency, 1)
  const numbers = { maxRate, limitRate, timeout, grace }
  for (const [name, value] of Object.entries(numbers)) notNegative(name, value)
  return { concurrency, limitConcurrency, ...numbers }
}

/** @throws `TypeError` */
export function wholeNumber(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new TypeError(
    `Expected \`${name}\` to be a whole number from ${least}, got ${String(value)}`,
  )
}

/** @throws `TypeError` */
export function notNegative(name: string, value: number): void {
  if (typeof value === 'number' && value >= 0) return
  throw new TypeError(`Expected \`${name}\` to be a number from 0, got ${String(value)}`)
}

/** @throws `TypeError` */
export function checkedBackoff<T extends Backoff | undefined>(backoff: T): T {
  if (backoff !== undefined) checkBackoff(backoff)
  return backoff
}

/** How items of a queue are claimed under these options. */
export function feedOptions(
  queue: QueueContext,
  options: LoadOptions,
  backoff?: Backoff,
): Pick<FeedOptions, 'claim' | 'ignoreDown' | 'keyOf'> {
  const { settings } = queue
  return {
    claim: {
      lock: options.lock ?? settings.lock,
      open: options.noOpen !== true,
      early: options.early === true,
      limits: resolveLimits(options, settings),
      backoff: backoff && ((failures) => backoffSeconds(backoff, failures)),
    },
    ignoreDown: options.ignoreDown === true,
    keyOf: options.limitKey,
  }
}
